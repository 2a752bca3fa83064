import { describe, expect, test } from 'vitest';
import { message, messages, openRelayRig } from '../support/relayRig.ts';
import { turns } from '../support/virtualClock.ts';

/** So long that only a wake-up can have been the cause. */
const noPoll = { pollMs: 3_600_000 };

describe('the relay publishes', () => {
  test('what was committed, as the message contract says, and marks it', async () => {
    const rig = openRelayRig();
    const relay = rig.startRelay();
    await rig.commit(message('/orderflow/orders/a', 1, { traceparent: '00-abc-def-01' }));
    relay.wake();
    await rig.clock.until(async () => (await rig.pending()) === 0);
    expect(rig.arrived).toEqual([
      {
        id: '/orderflow/orders/a-1',
        type: 'orderflow.order.placed.v1',
        contentType: 'application/cloudevents+json',
        payload: '{"source":"/orderflow/orders/a","sequence":1}',
        timestamp: expect.any(Number),
        headers: { tenant: 'default', type: 'orderflow.order.placed.v1', traceparent: '00-abc-def-01' },
      },
    ]);
    const place = { tenant: 'default', source: '/orderflow/orders/a', sequence: 1 };
    expect(await rig.stores.outbox.findPublished([place])).toEqual([0]);
  });

  test('at once when woken, without any time passing', async () => {
    const rig = openRelayRig();
    const relay = rig.startRelay({}, noPoll);
    await turns();
    const before = rig.clock.now();
    for (let sequence = 1; sequence <= 5; sequence += 1) {
      await rig.commit(message('a', sequence));
      relay.wake();
      await turns(20);
      expect(await rig.pending()).toBe(0);
    }
    expect(rig.clock.now()).toBe(before);
    expect(rig.ids()).toEqual(['a-1', 'a-2', 'a-3', 'a-4', 'a-5']);
  });

  test('within the poll time when the wake-up was missed', async () => {
    const rig = openRelayRig();
    rig.startRelay();
    await rig.clock.advance(5_000);
    await rig.commit(message('a', 1));
    await rig.clock.advance(1_000);
    expect(rig.ids()).toEqual(['a-1']);
  });

  test('a delayed message when it is due, and not before', async () => {
    const rig = openRelayRig();
    const relay = rig.startRelay({}, noPoll);
    await turns();
    const dueAt = rig.clock.now() + 250;
    await rig.commit(message('later', 1, { dueAt }), message('now', 1));
    relay.wake();
    await rig.clock.advance(249);
    expect(rig.ids()).toEqual(['now-1']);
    await rig.clock.advance(1);
    expect(rig.ids()).toEqual(['now-1', 'later-1']);
  });

  test('messages of one source one at a time, those of others beside them', async () => {
    const rig = openRelayRig();
    rig.broker.faults.holdConfirms();
    await rig.commit(...messages('a', 3), ...messages('b', 2));
    rig.startRelay();
    await turns(30);
    expect(rig.ids()).toEqual(['a-1', 'b-1']);
    rig.broker.faults.releaseConfirms();
    await turns(30);
    expect(rig.ids()).toEqual(['a-1', 'b-1', 'a-2', 'b-2', 'a-3']);
  });

  test('the next message of a source as soon as the one before is confirmed, marked or not', async () => {
    const rig = openRelayRig();
    rig.watched.hold('markPublished');
    await rig.commit(...messages('a', 3));
    rig.startRelay();
    await turns(30);
    expect(rig.ids()).toEqual(['a-1', 'a-2', 'a-3']);
  });

  test('the same source of two tenants without one waiting for the other', async () => {
    const rig = openRelayRig();
    rig.broker.faults.holdConfirms();
    await rig.commit(message('a', 1), message('a', 1, { tenant: 'other', id: 'other-a-1' }));
    rig.startRelay();
    await turns(30);
    expect(rig.ids()).toEqual(['a-1', 'other-a-1']);
  });

  test('and tells of each message in order, once it is marked', async () => {
    const rig = openRelayRig();
    const told: string[] = [];
    const release = rig.watched.hold('markPublished');
    await rig.commit(...messages('a', 3));
    rig.startRelay({ onPublished: (_tenant, source, sequence) => told.push(`${source}-${sequence}`) });
    await rig.clock.advance(100);
    expect(told).toEqual([]);
    release();
    await rig.clock.until(() => told.length === 3);
    expect(told).toEqual(['a-1', 'a-2', 'a-3']);
  });
});

describe('a backlog', () => {
  test('leaves with no more than a window in flight and four in memory', async () => {
    const rig = openRelayRig();
    rig.broker.faults.holdConfirms();
    await rig.commit(...Array.from({ length: 500 }, (_, index) => message(`s${index}`, 1)));
    rig.startRelay({}, { window: 10 });
    await rig.clock.advance(5_000);
    expect(rig.arrived).toHaveLength(10);
    expect(rig.watched.rowsRead()).toBeLessThanOrEqual(40);
    rig.broker.faults.releaseConfirms();
    await rig.clock.until(async () => (await rig.pending()) === 0);
    expect(rig.arrived).toHaveLength(500);
  });

  test('is not read over and over, however often the relay is woken meanwhile', async () => {
    const rig = openRelayRig();
    const sources = Array.from({ length: 500 }, (_, index) => `s${index}`);
    for (let sequence = 1; sequence <= 10; sequence += 1)
      await rig.commit(...sources.map((source) => message(source, sequence)));
    const relay = rig.startRelay({}, { ...noPoll, window: 100 });
    await rig.clock.until(async () => {
      relay.wake();
      return (await rig.pending()) === 0;
    });
    expect(rig.arrived).toHaveLength(5_000);
    expect(rig.watched.rowsRead()).toBeLessThan(6_000);
  });

  test('in flight is not read again for each commit', async () => {
    const rig = openRelayRig();
    const relay = rig.startRelay({}, noPoll);
    await turns();
    rig.broker.faults.holdConfirms();
    for (let index = 0; index < 100; index += 1) {
      await rig.commit(message(`s${index}`, 1));
      relay.wake();
      await turns();
    }
    expect(rig.arrived).toHaveLength(100);
    expect(rig.watched.rowsRead()).toBeLessThan(110);
  });

  test('of one busy source does not keep others waiting, and is not read over and over either', async () => {
    const rig = openRelayRig();
    await rig.commit(...messages('busy', 3_000));
    await rig.commit(...Array.from({ length: 100 }, (_, index) => message(`s${index}`, 1)));
    rig.startRelay({}, { ...noPoll, window: 50 });
    await rig.clock.until(() => rig.arrived.length >= 3_100);
    const ids = rig.ids();
    expect(ids.filter((id) => id.startsWith('busy'))).toEqual(messages('busy', 3_000).map(({ id }) => id));
    expect(ids.findLastIndex((id) => id.startsWith('s'))).toBeLessThan(500);
    expect(rig.watched.rowsRead()).toBeLessThan(10_000);
  });

  test('of large messages is read in small pages, so that memory holds few of them', async () => {
    const rig = openRelayRig();
    const payload = JSON.stringify({ filler: 'x'.repeat(10_000) });
    rig.broker.faults.holdConfirms();
    await rig.commit(...Array.from({ length: 1_000 }, (_, index) => message(`s${index}`, 1, { payload })));
    rig.startRelay({}, { window: 1_000, maxPayloads: 1_000_000 });
    await rig.clock.advance(5_000);
    expect(rig.arrived.length).toBeGreaterThan(60);
    expect(rig.arrived.length).toBeLessThan(110);
    rig.broker.faults.releaseConfirms();
    await rig.clock.until(async () => (await rig.pending()) === 0);
  });
});

describe('what is in memory is not sent again', () => {
  test('by looking at everything while messages are in flight, or confirmed and not yet marked', async () => {
    const rig = openRelayRig();
    const release = rig.watched.hold('markPublished');
    rig.broker.faults.holdConfirms();
    await rig.commit(...messages('a', 2), ...messages('b', 1));
    const relay = rig.startRelay();
    await turns(20);
    relay.rescan();
    await turns(20);
    rig.broker.faults.releaseConfirms();
    await turns(20);
    relay.rescan();
    await rig.clock.advance(5_000);
    release();
    await rig.clock.until(async () => (await rig.pending()) === 0);
    expect(rig.ids()).toEqual(['a-1', 'b-1', 'a-2']);
  });

  test('by a reading that began before they were marked', async () => {
    const rig = openRelayRig();
    const relay = rig.startRelay();
    await turns();
    rig.broker.faults.holdConfirms();
    await rig.commit(message('a', 1));
    relay.wake();
    await turns(20);
    const release = rig.watched.hold('readDue');
    relay.rescan();
    await turns(20);
    rig.broker.faults.releaseConfirms();
    await rig.clock.until(async () => (await rig.pending()) === 0);
    release();
    await rig.clock.advance(5_000);
    expect(rig.ids()).toEqual(['a-1']);
  });
});
