import { describe, expect, test } from 'vitest';
import { StoreUnavailable } from '../../src/ports/unitOfWork.ts';
import { message, messages, openRelayRig } from '../support/relayRig.ts';
import { turns } from '../support/virtualClock.ts';

const slowRetry = { messageBackoff: { firstMs: 1_000, maxMs: 4_000 }, pollMs: 3_600_000 };

describe('a message that the broker refuses', () => {
  test('is tried again later and later, without limit', async () => {
    const rig = openRelayRig();
    await rig.commit(message('a', 1));
    rig.broker.faults.nackNext(6);
    rig.startRelay({}, slowRetry);
    const began = rig.clock.now();
    await rig.clock.until(() => rig.arrived.length === 1);
    // With jitter at its middle: three quarters of 1, 2, 4, 4, 4 and 4 seconds.
    expect(rig.clock.now() - began).toBe(14_250);
    expect(rig.ids()).toEqual(['a-1']);
  });

  test('holds its followers back, also those in memory, and nobody else', async () => {
    const rig = openRelayRig();
    await rig.commit(...messages('a', 3));
    rig.broker.faults.nackNext(1);
    const relay = rig.startRelay({}, slowRetry);
    await turns(20);
    await rig.commit(...messages('b', 2), message('a', 4));
    relay.wake();
    relay.rescan();
    await rig.clock.advance(700);
    expect(rig.ids()).toEqual(['b-1', 'b-2']);
    const began = rig.clock.now();
    await rig.clock.until(async () => (await rig.pending()) === 0);
    expect(rig.clock.now() - began).toBeLessThan(200);
    expect(rig.ids()).toEqual(['b-1', 'b-2', 'a-1', 'a-2', 'a-3', 'a-4']);
  });

  test('is told of in one line of the log, however many there are', async () => {
    const rig = openRelayRig();
    await rig.commit(...Array.from({ length: 100 }, (_, index) => message(`s${index}`, 1)));
    rig.broker.faults.nackNext(100);
    rig.startRelay();
    await rig.clock.until(async () => (await rig.pending()) === 0);
    expect(rig.logger.entries.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });
});

test('a message that no queue takes makes the relay declare the topology again, and is tried again', async () => {
  const rig = openRelayRig();
  rig.server.deleteQueue('watch');
  await rig.commit(...messages('a', 2), ...messages('b', 2));
  rig.startRelay();
  await rig.clock.until(async () => (await rig.pending()) === 0);
  expect(rig.ids().toSorted()).toEqual(['a-1', 'a-2', 'b-1', 'b-2']);
});

test('a message that nobody needs to take is published to no queue', async () => {
  const rig = openRelayRig();
  await rig.commit(message('a', 1, { routingKey: 'notification.sent' }), message('a', 2));
  rig.startRelay({ isMandatory: (_exchange, routingKey) => routingKey.startsWith('order.') });
  await rig.clock.until(async () => (await rig.pending()) === 0);
  expect(rig.ids()).toEqual(['a-2']);
});

describe('a message that can never be published', () => {
  test('is set aside with its reason, its followers are held, others flow, and it is told once as an error', async () => {
    const rig = openRelayRig();
    const impossible = message('a', 2, { routingKey: 'x'.repeat(300) });
    await rig.commit(message('a', 1), impossible, message('a', 3), ...messages('b', 2));
    rig.startRelay();
    await rig.clock.advance(10_000);
    expect(rig.ids()).toEqual(['a-1', 'b-1', 'b-2']);
    expect(await rig.stores.outbox.listSetAside(10)).toEqual([
      expect.objectContaining({ source: 'a', sequence: 2, reason: expect.stringContaining('routing key') }),
    ]);
    expect(await rig.stores.outbox.stats(rig.clock.now())).toMatchObject({
      held: 1,
      setAside: 1,
      pending: 0,
    });
    expect(rig.logger.entries.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  test('is offered again when an operator asks for it', async () => {
    const rig = openRelayRig();
    await rig.commit(message('a', 1, { routingKey: 'x'.repeat(300) }));
    const relay = rig.startRelay();
    await rig.clock.advance(1_000);
    await rig.stores.unitOfWork.transact((tx) => tx.outbox.retryAll());
    expect(await rig.stores.outbox.listSetAside(10)).toEqual([]);
    relay.rescan();
    await turns(20);
    expect(await rig.stores.outbox.listSetAside(10)).toHaveLength(1);
  });
});

describe('while the broker is away', () => {
  test('the relay waits without reading, and goes on by itself; no attempt is counted', async () => {
    const rig = openRelayRig();
    const relay = rig.startRelay();
    rig.broker.disconnect();
    await rig.commit(...messages('a', 50), ...messages('b', 50));
    relay.wake();
    await rig.clock.advance(1_000);
    const reads = rig.watched.count('readDue');
    await rig.clock.advance(600_000);
    relay.wake();
    await turns();
    expect(rig.watched.count('readDue')).toBe(reads);
    expect(relay.status().state).toBe('waiting_for_broker');
    rig.broker.reconnect();
    await rig.clock.until(async () => (await rig.pending()) === 0);
    expect(rig.arrived).toHaveLength(100);
    expect(rig.watched.count('postpone')).toBe(0);
    expect(relay.status().state).toBe('idle');
  });

  test('so it does while the broker is blocked, and it sends nothing', async () => {
    const rig = openRelayRig();
    const relay = rig.startRelay();
    await turns();
    rig.broker.block();
    await rig.commit(...messages('a', 2));
    relay.wake();
    await rig.clock.advance(60_000);
    expect(relay.status().state).toBe('blocked');
    expect(rig.logger.entries).toEqual([]);
    rig.broker.unblock();
    await rig.clock.until(async () => (await rig.pending()) === 0);
    expect(rig.ids()).toEqual(['a-1', 'a-2']);
  });

  test('what was in flight is sent again, in order', async () => {
    const rig = openRelayRig();
    rig.broker.faults.holdConfirms();
    await rig.commit(...messages('a', 2), ...messages('b', 1));
    rig.startRelay();
    await turns(20);
    expect(rig.ids()).toEqual(['a-1', 'b-1']);
    rig.broker.disconnect();
    rig.broker.faults.releaseConfirms();
    rig.broker.reconnect();
    await rig.clock.until(async () => (await rig.pending()) === 0);
    expect(rig.ids()).toEqual(['a-1', 'b-1', 'a-1', 'b-1', 'a-2']);
  });
});

describe('when confirms do not come', () => {
  test('the relay waits longer and longer, tries with one message, and opens up when that is confirmed', async () => {
    const rig = openRelayRig();
    const sources = Array.from({ length: 20 }, (_, index) => `s${index}`);
    await rig.commit(...sources.map((source) => message(source, 1)));
    rig.broker.faults.dropNextConfirms(22);
    // With jitter at its middle it waits three quarters of 2 and 4 seconds.
    rig.startRelay({}, { outageBackoff: { firstMs: 2_000, maxMs: 10_000 } });
    const arrivedAfter = async (ms: number): Promise<number> => {
      await rig.clock.advance(ms);
      return rig.arrived.length;
    };
    expect(await arrivedAfter(10_000 + 1_400)).toBe(20);
    expect(await arrivedAfter(200)).toBe(21);
    expect(await arrivedAfter(10_000 + 2_500)).toBe(21);
    expect(await arrivedAfter(1_000)).toBe(22);
    await rig.clock.until(async () => (await rig.pending()) === 0);
    expect(rig.arrived).toHaveLength(20 + 2 + 20);
    expect(rig.watched.count('postpone')).toBe(0);
  });

  test('one that is missed from before an outage says nothing about the time after it', async () => {
    const rig = openRelayRig();
    const relay = rig.startRelay();
    await turns();
    rig.broker.faults.dropNextConfirms(2);
    for (const source of ['a', 'b']) {
      await rig.commit(message(source, 1));
      relay.wake();
      await rig.clock.advance(5_000);
    }
    await rig.clock.until(async () => (await rig.pending()) === 0);
    expect(rig.ids()).toEqual(['a-1', 'b-1', 'a-1', 'b-1']);
    expect(rig.logger.entries.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });
});

describe('while the database does not answer', () => {
  test('what was confirmed is marked later, and not sent again', async () => {
    const rig = openRelayRig();
    const relay = rig.startRelay();
    await turns();
    rig.broker.faults.holdConfirms();
    await rig.commit(...messages('a', 2), ...messages('b', 1));
    relay.wake();
    await turns(20);
    rig.watched.control.fail = new StoreUnavailable('gone');
    rig.broker.faults.releaseConfirms();
    await rig.clock.advance(3_000);
    expect(await rig.pending()).toBe(3);
    rig.watched.control.fail = null;
    await rig.clock.until(async () => (await rig.pending()) === 0);
    expect(rig.ids()).toEqual(['a-1', 'b-1', 'a-2']);
    const warnings = rig.logger.entries.filter(({ level }) => level === 'warn');
    expect(warnings.map(({ message: text }) => text).toSorted()).toEqual([
      'the outbox cannot be read; trying again',
      'the outbox cannot be written; what was published is marked when it can be again',
    ]);
  });

  test('no more than twelve windows are confirmed and not marked', async () => {
    const rig = openRelayRig();
    await rig.commit(...Array.from({ length: 200 }, (_, index) => message(`s${index}`, 1)));
    const release = rig.watched.hold('markPublished');
    rig.startRelay({}, { window: 10 });
    await rig.clock.advance(60_000);
    expect(rig.arrived).toHaveLength(120);
    release();
    await rig.clock.until(async () => (await rig.pending()) === 0);
    expect(rig.arrived).toHaveLength(200);
  });
});
