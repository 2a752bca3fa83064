import { describe, expect, it } from 'vitest';
import { createMemoryState } from '../../src/adapters/memory/memoryState.ts';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { WritePipeline } from '../../src/app/commands/WritePipeline.ts';
import type { WriteModel } from '../../src/app/commands/work.ts';
import { publicHistoryOf } from '../../src/app/messaging/replay/publicHistory.ts';
import { replayJobs } from '../../src/app/messaging/replay/replayJobs.ts';
import { replayService } from '../../src/app/messaging/replay/replayService.ts';
import { replayToNewQueue } from '../../src/app/messaging/replay/replayToNewQueue.ts';
import { orderModel, orderStream } from '../../src/app/orders/orderModel.ts';
import { accept, type DomainEvent } from '../../src/domain/shared/decider.ts';
import type { EventReader } from '../../src/ports/eventStore.ts';
import type { PendingMessage } from '../../src/ports/outbox.ts';
import { UnknownStreams } from '../../src/ports/replayService.ts';
import { StoreUnavailable, type UnitOfWork } from '../../src/ports/unitOfWork.ts';
import { everyPartition } from '../contracts/storeFixtures.ts';
import { placeOrder } from '../support/orders.ts';
import { recordingLogger } from '../support/recordingLogger.ts';

const at = '2026-01-01T00:00:00.000Z';
const ann = { tenant: 'default', who: 'ann' };
const everything = { queue: 'newcomer', from: 0, streams: null, ratePerSecond: null };

type Counted = DomainEvent<'Counted' | 'Whispered', { readonly by: number }>;

/** What is whispered counts too, but nobody else hears of it. */
const counter: WriteModel<Counted['type'], Counted, number> = {
  aggregate: {
    category: 'counters',
    decider: {
      initial: 0,
      decide: (type) => accept<Counted>({ type, at, data: { by: 1 } }),
      evolve: (sum, { data }) => sum + data.by,
    },
    schemaVersion: () => 1,
    upcast: ({ type, data }) => ({ type, at, data }) as Counted,
    isPublic: (type) => type === 'Counted',
    toPublic: (_event, sum, id, version) => ({ name: 'counter.counted', data: { id, sum, version } }),
  },
};

const histories = new Map(
  [publicHistoryOf(orderModel.aggregate), publicHistoryOf(counter.aggregate)].map((one) => [
    one.category,
    one,
  ]),
);

/** A service with a history, whose relay is played by the test. */
const openRig = () => {
  const state = createMemoryState();
  const stores = openMemoryStores({ state });
  const clock = { now: () => rig.now, sleep: () => Promise.resolve() };
  const pipeline = new WritePipeline({
    unitOfWork: stores.unitOfWork,
    clock,
    ids: uuidV7Ids,
    logger: silentLogger,
    capacity: 10_000,
    maxBatch: 100,
    onCommitted: () => {},
  });
  const causeOf = (tenant: string) => ({
    tenant,
    correlationId: 'c-1',
    causationId: 'c-0',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  });
  const worker = (
    receives: (queue: string, key: string) => boolean = () => true,
    opened = openMemoryStores({ state }),
  ) => replayJobs({ stores: opened, histories, receives, clock, onCommitted: () => {} });
  const system = { clock, ids: uuidV7Ids, onJob: () => {} };
  const rig = {
    now: 1_000,
    state,
    stores,
    system,
    service: replayService({ stores, ...system }),
    worker,
    logger: recordingLogger(),
    start: (queue: string, { unitOfWork = stores.unitOfWork, isStopping = (): boolean => false } = {}) =>
      replayToNewQueue(
        { stores: { events: stores.events, unitOfWork }, ...system, logger: rig.logger },
        queue,
        isStopping,
      ),
    place: (id: string, tenant = 'default') =>
      pipeline.submit({
        cause: causeOf(tenant),
        streams: [orderStream(id)],
        run: (session) => session.execute(orderModel, id, placeOrder()),
      }),
    cancel: (id: string) =>
      pipeline.submit({
        cause: causeOf('default'),
        streams: [orderStream(id)],
        run: (session) =>
          session.execute(orderModel, id, { type: 'CancelOrder', at, note: 'no', refundId: 'r' }),
      }),
    count: (...types: readonly Counted['type'][]) =>
      pipeline.submit({
        cause: causeOf('default'),
        streams: ['counters/a'],
        run: (session) => {
          for (const type of types) session.execute(counter, 'a', type);
        },
      }),
    /** What waits in the outbox, marked as published from now on. */
    publish: async (): Promise<readonly PendingMessage[]> => {
      const { held } = await stores.leases.renew('test', 0, 1_000);
      const due = await stores.outbox.readDue({
        partitions: everyPartition,
        now: Number.MAX_SAFE_INTEGER,
        limit: 100_000,
      });
      const rows = due.map(({ row }) => row);
      await stores.outbox.markPublished(rows, rig.now, 'test', held);
      return due;
    },
    /** Steps and publishes until the job ends; what it sent, in order. */
    run: async (id: string, kind = worker(), tenant = 'default'): Promise<readonly PendingMessage[]> => {
      const sent: PendingMessage[] = [];
      for (;;) {
        const restMs = await kind.step(tenant, id);
        if (restMs === null) return sent;
        rig.now += restMs;
        sent.push(...(await rig.publish()));
      }
    },
  };
  return rig;
};

const asPublished = ({ id, type, payload, traceparent }: PendingMessage) => ({
  id,
  type,
  payload,
  traceparent,
});

describe('a replay', () => {
  it('sends what was published, message for message, to one queue, and each stream in order', async () => {
    const rig = openRig();
    for (const id of ['a', 'b', 'c']) await rig.place(id);
    await rig.cancel('b');
    await rig.count('Counted', 'Whispered', 'Counted');
    const first = await rig.publish();
    const job = await rig.service.replay(ann, everything);
    const again = await rig.run(job.id);
    expect(again.map(asPublished)).toEqual(first.map(asPublished));
    expect(again.map(({ sequence }) => sequence)).toEqual(first.map(({ sequence }) => sequence));
    for (const message of again)
      expect(message).toMatchObject({
        exchange: 'tasks',
        routingKey: 'newcomer',
        headers: { 'x-orderflow-replay': job.id },
      });
    // Of a source of its own, each stream by itself: it waits for nobody, and nobody for it.
    expect(again.map(({ source }) => source)).toEqual(
      first.map(({ source }) => source.replace('/orderflow/', `/orderflow/replays/${job.id}/`)),
    );
    expect(job.endedAt).toBeNull();
    expect(await rig.service.job('default', job.id)).toMatchObject({
      state: 'done',
      endedAt: expect.any(Number),
      position: job.until,
      sent: first.length,
    });
    const [action] = await rig.stores.actions.list({ tenant: 'default', limit: 1 });
    expect(action).toMatchObject({ what: 'replay', who: 'ann', messages: job.until });
  });

  it('begins in the midst of a stream with the state and the sequence that are right there', async () => {
    const rig = openRig();
    await rig.place('a');
    await rig.count('Counted', 'Whispered', 'Counted');
    await rig.cancel('a');
    await rig.count('Whispered', 'Counted');
    const first = await rig.publish();
    const job = await rig.service.replay(ann, { ...everything, from: 3 });
    const again = await rig.run(job.id);
    expect(again.map(asPublished)).toEqual(first.slice(2).map(asPublished));
    expect(JSON.parse(again.at(-1)?.payload ?? '')).toMatchObject({
      sequence: '0000000003',
      data: { sum: 5, version: 5 },
    });
  });

  it('never holds a long stream whole, also where it begins at its end', async () => {
    const rig = openRig();
    for (let turn = 0; turn < 12; turn += 1)
      await rig.count(...Array.from({ length: 1_000 }, () => 'Counted' as const));
    await rig.publish();
    const opened = openMemoryStores({ state: rig.state });
    let most = 0;
    const events: EventReader = {
      ...opened.events,
      readStreams: async (parts) => {
        const read = await opened.events.readStreams(parts);
        most = Math.max(most, read.length);
        return read;
      },
    };
    const service = replayService({ ...rig.system, stores: { ...opened, events } });
    for (const streams of [null, ['counters/a']]) {
      const job = await service.replay(ann, { ...everything, streams, from: 11_990 });
      expect(job).toMatchObject({ from: 11_990, until: 12_000 });
      const again = await rig.run(
        job.id,
        rig.worker(() => true, { ...opened, events }),
      );
      expect(again.map(({ sequence }) => sequence)).toEqual(
        Array.from({ length: 10 }, (_, index) => 11_991 + index),
      );
    }
    expect(most).toBeLessThanOrEqual(10_000);
  });

  it('reads the log once, however slowly it sends', async () => {
    const rig = openRig();
    await rig.count(...Array.from({ length: 60 }, () => 'Counted' as const));
    await rig.publish();
    const opened = openMemoryStores({ state: rig.state });
    let read = 0;
    const events: EventReader = {
      ...opened.events,
      readAll: async (after, limit) => {
        const page = await opened.events.readAll(after, limit);
        read += page.length;
        return page;
      },
    };
    const job = await rig.service.replay(ann, { ...everything, ratePerSecond: 10 });
    const again = await rig.run(
      job.id,
      rig.worker(() => true, { ...opened, events }),
    );
    expect(again.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
    expect(read).toBe(60);
  });

  it('sends the streams that were asked for, and no other', async () => {
    const rig = openRig();
    for (const id of ['a', 'b', 'c']) await rig.place(id);
    await rig.cancel('b');
    await rig.place('d');
    await rig.publish();
    const job = await rig.service.replay(ann, { ...everything, streams: ['orders/b'] });
    // The log is read where these streams are.
    expect(job).toMatchObject({ from: 1, until: 4 });
    const again = await rig.run(job.id);
    expect(again.map(({ source, type, sequence }) => [source, type, sequence])).toEqual([
      [`/orderflow/replays/${job.id}/orders/b`, 'orderflow.order.placed.v1', 1],
      [`/orderflow/replays/${job.id}/orders/b`, 'orderflow.order.cancelled.v1', 2],
    ]);
    const unknown = rig.service.replay(ann, { ...everything, streams: ['orders/b', 'orders/none'] });
    await expect(unknown).rejects.toThrow(UnknownStreams);
    await expect(unknown).rejects.toThrow('orders/none');
  });

  it('sends a queue of ours only what it is bound for', async () => {
    const rig = openRig();
    await rig.place('a');
    await rig.count('Counted');
    await rig.publish();
    const job = await rig.service.replay(ann, everything);
    const again = await rig.run(
      job.id,
      rig.worker((_queue, key) => key.startsWith('counter.')),
    );
    expect(again.map(({ type }) => type)).toEqual(['orderflow.counter.counted.v1']);
  });

  it('puts the next page out only when the one before is published, in pages of a thousand', async () => {
    const rig = openRig();
    for (let turn = 0; turn < 25; turn += 1)
      await rig.count(...Array.from({ length: 100 }, () => 'Counted' as const));
    await rig.publish();
    const job = await rig.service.replay(ann, everything);
    const kind = rig.worker();
    const waiting = async () => (await rig.service.job('default', job.id))?.waiting.unpublished;
    await kind.step('default', job.id);
    expect(await waiting()).toBe(1_000);
    for (let turn = 0; turn < 3; turn += 1) expect(await kind.step('default', job.id)).toBeGreaterThan(0);
    expect(await waiting()).toBe(1_000);
    expect(await rig.service.job('default', job.id)).toMatchObject({ position: 0, sent: 1_000 });
    await rig.publish();
    const rest = await rig.run(job.id, kind);
    expect(rest.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 1_500 }, (_, n) => n + 1_001));
  });

  it('is shared by several workers, and goes on where one left it, without sending twice', async () => {
    const rig = openRig();
    for (let turn = 0; turn < 30; turn += 1)
      await rig.count(...Array.from({ length: 100 }, () => 'Counted' as const));
    await rig.publish();
    const job = await rig.service.replay(ann, everything);
    const workers = [rig.worker(), rig.worker(), rig.worker()];
    const sent: number[] = [];
    while ((await rig.service.job('default', job.id))?.state === 'running') {
      await Promise.all(workers.map((kind) => kind.step('default', job.id)));
      sent.push(...(await rig.publish()).map(({ sequence }) => sequence));
      workers[0] = rig.worker(); // a new process, which knows nothing
    }
    expect(sent).toEqual(Array.from({ length: 3_000 }, (_, index) => index + 1));
  });

  it('keeps to its rate, however many work on it', async () => {
    const rig = openRig();
    await rig.count(...Array.from({ length: 100 }, () => 'Counted' as const));
    await rig.publish();
    const job = await rig.service.replay(ann, { ...everything, ratePerSecond: 10 });
    const workers = [rig.worker(), rig.worker()];
    const begun = rig.now;
    let sent = 0;
    while (sent < 100) {
      const rests = await Promise.all(workers.map((kind) => kind.step('default', job.id)));
      sent += (await rig.publish()).length;
      expect(sent).toBeLessThanOrEqual(3 + ((rig.now - begun) / 1_000) * 10);
      rig.now += Math.min(50, ...rests.map((restMs) => restMs ?? 50)) || 1;
    }
    expect(rig.now - begun).toBeLessThan(11_000);
  });

  it('says why its messages do not go, and when it is cancelled takes them back', async () => {
    const rig = openRig();
    await rig.count('Counted', 'Counted', 'Counted');
    await rig.publish();
    const job = await rig.service.replay(ann, everything);
    await rig.worker().step('default', job.id);
    const { held } = await rig.stores.leases.renew('test', 0, 1_000);
    const [message] = await rig.stores.outbox.readDue({ partitions: everyPartition, now: 1, limit: 9 });
    const refused = { row: message?.row ?? 0, dueAt: 5, attempts: 1, error: 'not routed: NO_ROUTE' };
    await rig.stores.outbox.postpone([refused], 'test', held);
    expect((await rig.service.job('default', job.id))?.waiting).toEqual({
      unpublished: 3,
      error: 'not routed: NO_ROUTE',
    });
    const cancelled = await rig.service.cancel(ann, job.id);
    expect(cancelled).toMatchObject({
      state: 'cancelled',
      endedAt: expect.any(Number),
      position: 0,
      sent: 0,
      waiting: { unpublished: 0, error: null },
    });
    expect(await rig.worker().step('default', job.id)).toBeNull();
    expect(await rig.service.cancel(ann, job.id)).toEqual(cancelled);
    expect(await rig.service.cancel(ann, 'none')).toBeUndefined();
    const actions = await rig.stores.actions.list({ tenant: 'default', limit: 9 });
    expect(actions.map(({ what }) => what)).toEqual(['cancel', 'replay']);
  });

  it('goes on, in another job, from where it was cancelled', async () => {
    const rig = openRig();
    await rig.count(...Array.from({ length: 40 }, () => 'Counted' as const));
    await rig.publish();
    const job = await rig.service.replay(ann, { ...everything, ratePerSecond: 40 });
    await rig.worker().step('default', job.id);
    const before = (await rig.publish()).length;
    const cancelled = await rig.service.cancel(ann, job.id);
    expect(cancelled).toMatchObject({ position: before, sent: before });
    const other = await rig.service.replay(ann, { ...everything, from: cancelled?.position ?? 0 });
    expect((await rig.run(other.id)).map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 40 - before }, (_, index) => before + 1 + index),
    );
  });

  it('leaves what is committed meanwhile to the usual way', async () => {
    const rig = openRig();
    await rig.count('Counted');
    await rig.publish();
    const job = await rig.service.replay(ann, everything);
    await rig.count('Counted');
    await rig.publish();
    expect((await rig.run(job.id)).map(({ sequence }) => sequence)).toEqual([1]);
  });

  it('ends at once where there is nothing to send', async () => {
    const rig = openRig();
    const job = await rig.service.replay(ann, { ...everything, from: 7 });
    expect(await rig.run(job.id)).toEqual([]);
    expect(await rig.service.job('default', job.id)).toMatchObject({ state: 'done', sent: 0 });
  });

  it('knows every kind of stream, or stands still: a gap would look like a loss', async () => {
    const rig = openRig();
    await rig.stores.unitOfWork.transact(async (tx) => {
      const event = {
        id: 'e',
        type: 'Odd',
        schemaVersion: 1,
        time: at,
        data: {},
        correlationId: 'c',
        causationId: 'c',
        traceparent: null,
      };
      await tx.events.append([{ tenant: 'default', stream: 'odd/1', expected: 'none', events: [event] }]);
    });
    const job = await rig.service.replay(ann, everything);
    await expect(rig.worker().step('default', job.id)).rejects.toThrow('odd/1');
  });
});

describe('a consumer that starts for the first time', () => {
  it('gets the history of every tenant by itself, once', async () => {
    const rig = openRig();
    await rig.place('a');
    await rig.place('b', 'other');
    await rig.publish();
    await Promise.all([rig.start('newcomer'), rig.start('newcomer')]);
    const jobs = await rig.stores.replays.runningJobs();
    expect(jobs.map(({ tenant, until, createdBy }) => [tenant, until, createdBy])).toEqual([
      ['default', 2, 'orderflow'],
      ['other', 2, 'orderflow'],
    ]);
    const sent = [];
    for (const { id, tenant } of jobs) sent.push(...(await rig.run(id, rig.worker(), tenant)));
    expect(sent.map(({ tenant, routingKey }) => [tenant, routingKey])).toEqual([
      ['default', 'newcomer'],
      ['other', 'newcomer'],
    ]);
    await rig.start('newcomer');
    expect(await rig.stores.replays.runningJobs()).toEqual([]);
  });

  it('gets it once the database takes the wish, however long that takes', async () => {
    const rig = openRig();
    await rig.place('a');
    let refusals = 3;
    const busy: UnitOfWork = {
      ...rig.stores.unitOfWork,
      transact: async (work) => {
        refusals -= 1;
        if (refusals >= 0) throw new StoreUnavailable('locked for too long');
        return rig.stores.unitOfWork.transact(work);
      },
    };
    await rig.start('newcomer', { unitOfWork: busy });
    expect(await rig.stores.replays.runningJobs()).toHaveLength(1);
    expect(rig.logger.entries.map(({ level, message }) => [level, message])).toEqual(
      Array.from({ length: 3 }, () => ['warn', 'a new queue has no history yet; asking for it again']),
    );
  });

  it('does not ask any more when the service stops', async () => {
    const rig = openRig();
    await rig.place('a');
    let asked = 0;
    const away: UnitOfWork = {
      ...rig.stores.unitOfWork,
      transact: async () => {
        asked += 1;
        throw new StoreUnavailable('away');
      },
    };
    await rig.start('newcomer', { unitOfWork: away, isStopping: () => asked === 2 });
    expect(asked).toBe(2);
    await rig.start('newcomer');
    expect(await rig.stores.replays.runningJobs()).toHaveLength(1);
  });

  it('needs none where nothing has happened yet, and none later either', async () => {
    const rig = openRig();
    await rig.start('newcomer');
    await rig.place('a');
    await rig.start('newcomer');
    expect(await rig.stores.replays.runningJobs()).toEqual([]);
  });
});
