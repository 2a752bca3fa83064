import { describe, expect, test } from 'vitest';
import { partitionCount } from '../../src/ports/outbox.ts';
import { StoreUnavailable } from '../../src/ports/unitOfWork.ts';
import { message, messages, openRelayRig } from '../support/relayRig.ts';
import { turns } from '../support/virtualClock.ts';

type Rig = ReturnType<typeof openRelayRig>;

/** How many partitions somebody who comes now would find free. */
const freePartitions = async (rig: Rig): Promise<number> => {
  const { held } = await rig.stores.leases.renew('visitor', rig.clock.now(), 1);
  await rig.stores.leases.release('visitor', 'all');
  return held.length;
};

const many = (sequence: number) => Array.from({ length: 64 }, (_, index) => message(`s${index}`, sequence));

describe('several relays', () => {
  test('share the work, and a message is sent by one of them only', async () => {
    const rig = openRelayRig();
    const counts = [0, 0];
    const first = rig.startRelay({ publisher: rig.connect(), onPublished: () => counts[0]!++ });
    await rig.clock.advance(1_000);
    const second = rig.startRelay({ publisher: rig.connect(), onPublished: () => counts[1]!++ });
    await rig.clock.advance(30_000);
    for (let sequence = 1; sequence <= 5; sequence += 1) {
      await rig.commit(...many(sequence));
      first.wake();
      second.wake();
    }
    await rig.clock.until(async () => (await rig.pending()) === 0);
    expect(rig.arrived).toHaveLength(5 * 64);
    expect(counts[0]).toBeGreaterThan(0);
    expect(counts[1]).toBeGreaterThan(0);
  });

  test('hand a partition over only when nothing of it is in flight', async () => {
    const rig = openRelayRig();
    const publisher = rig.connect();
    publisher.faults.holdConfirms();
    const first = rig.startRelay({ publisher });
    await turns();
    await rig.commit(...many(1));
    first.wake();
    await turns(20);
    rig.startRelay({ publisher: rig.connect() });
    await rig.clock.advance(8_000);
    expect(rig.arrived).toHaveLength(64);
    publisher.faults.releaseConfirms();
    await rig.clock.until(async () => (await rig.pending()) === 0);
    expect(rig.arrived).toHaveLength(64);
  });

  test('one that died is replaced when its leases have run out', async () => {
    const rig = openRelayRig();
    await rig.stores.leases.renew('died', rig.clock.now(), 10_000);
    await rig.commit(...messages('a', 2));
    rig.startRelay();
    await rig.clock.advance(9_999);
    expect(rig.ids()).toEqual([]);
    await rig.clock.until(async () => (await rig.pending()) === 0, 5_000);
    expect(rig.ids()).toEqual(['a-1', 'a-2']);
  });

  test('one that was taken for dead stops at its first answer, and repeats nothing more', async () => {
    const rig = openRelayRig();
    const told: string[] = [];
    const onPublished = (_tenant: string, source: string) => told.push(source);
    const late = rig.startRelay({ onPublished }, { pollMs: 3_600_000 });
    await turns();
    rig.broker.faults.nackNext(1);
    await rig.commit(message('a', 1));
    late.wake();
    await turns(20);
    await rig.stores.leases.renew('successor', rig.clock.now() + 20_000, 10_000);
    await rig.clock.advance(2_000);
    expect(rig.ids()).toEqual(['a-1']);
    expect(await rig.pending()).toBe(1);
    expect(told).toEqual([]);
  });
});

describe('a relay that cannot renew its leases', () => {
  test('stops sending before others may take over, and goes on when it can', async () => {
    const rig = openRelayRig();
    let away = false;
    const leases: typeof rig.stores.leases = {
      ...rig.stores.leases,
      renew: (...args) =>
        away ? Promise.reject(new StoreUnavailable('gone')) : rig.stores.leases.renew(...args),
    };
    const relay = rig.startRelay({ leases });
    await turns();
    away = true;
    await rig.clock.advance(8_000);
    await rig.commit(...messages('a', 2));
    relay.wake();
    await rig.clock.advance(5_000);
    expect(rig.ids()).toEqual([]);
    away = false;
    await rig.clock.until(async () => (await rig.pending()) === 0, 5_000);
    expect(rig.ids()).toEqual(['a-1', 'a-2']);
  });
});

test('a wall clock that is set back by an hour stops neither publishing, nor marking, nor polling', async () => {
  const rig = openRelayRig();
  const relay = rig.startRelay();
  await rig.clock.advance(2_000);
  rig.broker.faults.holdConfirms();
  await rig.commit(message('a', 1), message('b', 1));
  relay.wake();
  await turns(20);
  rig.clock.setBack(3_600_000);
  rig.broker.faults.releaseConfirms();
  await rig.clock.advance(10_000);
  await rig.commit(message('a', 2));
  await rig.clock.advance(2_000);
  expect(rig.ids()).toEqual(['a-1', 'b-1', 'a-2']);
  expect(await rig.pending()).toBe(0);
  const visitor = await rig.stores.leases.renew('visitor', rig.clock.now(), 1);
  expect(visitor.held).toEqual([]);
});

describe('stopping', () => {
  test('sends nothing more, waits for confirms, marks them, and gives the leases up', async () => {
    const rig = openRelayRig();
    rig.broker.faults.holdConfirms();
    await rig.commit(...messages('a', 2), ...messages('b', 1));
    const relay = rig.startRelay();
    await turns(20);
    const stopped = relay.stop({ deadlineMs: 10_000 });
    await rig.clock.advance(1_000);
    rig.broker.faults.releaseConfirms();
    await turns(20);
    await stopped;
    expect(rig.ids()).toEqual(['a-1', 'b-1']);
    expect(await rig.pending()).toBe(1);
    expect(await freePartitions(rig)).toBe(partitionCount);
    expect(relay.status().state).toBe('stopped');
    expect(rig.clock.pendingTimers).toBe(1);
  });

  test('marks what was confirmed also when the database is away for a while', async () => {
    const rig = openRelayRig();
    const relay = rig.startRelay();
    await turns();
    rig.broker.faults.holdConfirms();
    await rig.commit(message('a', 1));
    relay.wake();
    await turns(20);
    rig.watched.control.fail = new StoreUnavailable('gone');
    const stopped = relay.stop({ deadlineMs: 10_000 });
    rig.broker.faults.releaseConfirms();
    await rig.clock.advance(1_000);
    rig.watched.control.fail = null;
    await rig.clock.advance(1_000);
    await stopped;
    expect(await rig.pending()).toBe(0);
  });

  test('ends at its deadline when confirms do not come; the next relay sends those messages again', async () => {
    const rig = openRelayRig();
    rig.broker.faults.holdConfirms();
    await rig.commit(...messages('a', 2));
    const relay = rig.startRelay();
    await turns(20);
    let ended = false;
    void relay.stop({ deadlineMs: 1_000 }).then(() => {
      ended = true;
    });
    await rig.clock.advance(700);
    expect(ended).toBe(false);
    await rig.clock.advance(300);
    expect(ended).toBe(true);
    expect(await freePartitions(rig)).toBe(partitionCount);
    rig.startRelay({ publisher: rig.connect() });
    await rig.clock.until(async () => (await rig.pending()) === 0);
    expect(rig.ids()).toEqual(['a-1', 'a-1', 'a-2']);
  });

  test('ends at its deadline when the database does not answer', async () => {
    const rig = openRelayRig();
    rig.watched.hold('markPublished');
    await rig.commit(...messages('a', 2));
    const relay = rig.startRelay();
    await turns(20);
    let ended = false;
    void relay.stop({ deadlineMs: 1_000 }).then(() => {
      ended = true;
    });
    await rig.clock.advance(1_000);
    expect(ended).toBe(true);
  });

  test('ends at once when there is nothing to do, twice too, and when the broker is away', async () => {
    const rig = openRelayRig();
    rig.broker.disconnect();
    const relay = rig.startRelay();
    await turns();
    await Promise.all([relay.stop({ deadlineMs: 1_000 }), relay.stop({ deadlineMs: 1_000 })]);
    expect(await freePartitions(rig)).toBe(partitionCount);
  });
});
