import { expect, test } from 'vitest';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { newReplayJob } from '../../src/app/messaging/replay/replayService.ts';
import { RetentionCleaner } from '../../src/app/messaging/retentionCleaner.ts';
import { StoreUnavailable } from '../../src/ports/unitOfWork.ts';
import { recordingLogger } from '../support/recordingLogger.ts';
import { commit, message } from '../support/relayRig.ts';
import { turns, VirtualClock } from '../support/virtualClock.ts';

const hours = 60 * 60 * 1000;

const openRig = (step = 2) => {
  const clock = new VirtualClock();
  const stores = openMemoryStores();
  const logger = recordingLogger();
  const steps: { readonly at: number; readonly deleted: number }[] = [];
  const outage: { failure: Error | null } = { failure: null };
  const cleaner = new RetentionCleaner({
    outbox: {
      deletePublishedBefore: async (before, limit) => {
        if (outage.failure !== null) throw outage.failure;
        const deleted = await stores.outbox.deletePublishedBefore(before, limit);
        steps.push({ at: clock.now(), deleted });
        return deleted;
      },
    },
    idempotency: stores.idempotencyCleaner,
    inbox: stores.inboxCleaner,
    callbacks: stores.callbackCleaner,
    redrives: stores.deadLetters,
    replays: stores.replayCleaner,
    clock,
    logger,
    outboxRetentionMs: 72 * hours,
    idempotencyTtlMs: 24 * hours,
    seenRetentionMs: 14 * 24 * hours,
    callbackRetentionMs: 30 * 24 * hours,
    jobRetentionMs: 30 * 24 * hours,
    step,
  });
  return { clock, stores, logger, steps, outage, cleaner };
};

type Rig = ReturnType<typeof openRig>;

const addRecords = ({ stores, clock }: Rig, key: string): Promise<void> =>
  stores.unitOfWork.transact(async (tx) => {
    const createdAt = clock.now();
    await tx.idempotency.save([
      { tenant: 't', caller: 'c', key, fingerprint: 'f', answer: 'a', wrote: null, createdAt },
    ]);
    await tx.inbox.recordSeen([
      { consumer: 'loyalty', tenant: 't', source: 's', messageId: key, seenAt: createdAt },
    ]);
  });

/** Which of the keys are still known, as idempotency records and as seen messages. */
const known = ({ stores }: Rig, keys: readonly string[]) =>
  stores.unitOfWork.transact(async (tx) => ({
    records: (await tx.idempotency.find(keys.map((key) => ({ tenant: 't', caller: 'c', key })))).map(
      ({ key }) => key,
    ),
    seen: (
      await tx.inbox.findSeen(
        keys.map((messageId) => ({ consumer: 'loyalty', tenant: 't', source: 's', messageId, seenAt: 0 })),
      )
    ).map((index) => keys[index]),
  }));

const publishAll = async ({ stores, clock }: Rig): Promise<void> => {
  const { held } = await stores.leases.renew('relay', clock.now(), 1_000);
  const partitions = held.map(({ partition }) => partition);
  const due = await stores.outbox.readDue({ partitions, now: clock.now(), limit: 100 });
  await stores.outbox.markPublished(
    due.map(({ row }) => row),
    clock.now(),
    'relay',
    held,
  );
};

test('what is past its retention is deleted, and nothing else', async () => {
  const rig = openRig(500);
  await addRecords(rig, 'old');
  await rig.clock.advance(23 * hours);
  await addRecords(rig, 'young');
  rig.cleaner.start();
  await turns();
  expect(await known(rig, ['old', 'young'])).toEqual({ records: ['old', 'young'], seen: ['old', 'young'] });
  await rig.clock.advance(2 * hours);
  expect(await known(rig, ['old', 'young'])).toEqual({ records: ['young'], seen: ['old', 'young'] });
  await rig.clock.advance(13 * 24 * hours);
  expect(await known(rig, ['old', 'young'])).toEqual({ records: [], seen: ['young'] });
  await rig.cleaner.stop();
});

test('callbacks are kept longer than their senders repeat them, and parked ones until they are heard', async () => {
  const rig = openRig();
  const row = (callbackId: string, state: 'applied' | 'parked') => ({
    ...{ id: callbackId, tenant: 't', provider: 'acme', callbackId, state, stream: 'orders/o', fact: '{}' },
    ...{ error: null, receivedAt: rig.clock.now(), appliedAt: null, correlationId: 'c', traceparent: null },
    body: '',
  });
  await rig.stores.unitOfWork.transact(async (tx) => {
    await tx.callbacks.save([row('applied', 'applied'), row('parked', 'parked')]);
  });
  const left = async () =>
    (await rig.stores.callbacks.list({ tenant: 't', limit: 9 })).map(({ callbackId }) => callbackId);
  rig.cleaner.start();
  await rig.clock.advance(30 * 24 * hours - 60_000);
  expect(await left()).toEqual(['parked', 'applied']);
  await rig.clock.advance(120_000);
  expect(await left()).toEqual(['parked']);
  await rig.cleaner.stop();
});

test('redrive and replay jobs are kept for a while after they have ended, and as long as they run', async () => {
  const rig = openRig();
  const { unitOfWork, deadLetters, replays } = rig.stores;
  const asked = { tenant: 't', ratePerSecond: null, createdAt: rig.clock.now(), createdBy: 'ann' };
  const redrive = { ...asked, selection: {}, limit: null, total: 1, done: 0, skipped: 0 };
  const replay = newReplayJob({ ...asked, id: '', queue: 'q', streams: null, from: 0, until: 9 }, 'ann', 0);
  const save = (id: string, state: 'running' | 'done', endedAt: number | null) =>
    unitOfWork.transact(async (tx) => {
      await tx.deadLetters.saveJob({ ...redrive, id, state, endedAt });
      await tx.replays.saveJob({ ...replay, id, state, endedAt });
    });
  await save('runs', 'running', null);
  await save('slow', 'running', null);
  await save('quick', 'done', rig.clock.now());
  await rig.clock.advance(20 * 24 * hours);
  await save('slow', 'done', rig.clock.now());
  const left = async () => {
    const ids = ['runs', 'slow', 'quick'];
    const found = await Promise.all(
      ids.flatMap((id) => [deadLetters.job('t', id), replays.job('t', id)] as const),
    );
    return found.map((job) => job?.id ?? null);
  };
  rig.cleaner.start();
  await turns();
  expect(await left()).toEqual(['runs', 'runs', 'slow', 'slow', 'quick', 'quick']);
  await rig.clock.advance(10 * 24 * hours + 120_000);
  expect(await left()).toEqual(['runs', 'runs', 'slow', 'slow', null, null]);
  await rig.clock.advance(20 * 24 * hours);
  expect(await left()).toEqual(['runs', 'runs', null, null, null, null]);
  await rig.cleaner.stop();
});

test('only published messages leave the outbox, however old the others are', async () => {
  const rig = openRig();
  await commit(rig.stores, [message('published', 1)]);
  await publishAll(rig);
  await commit(rig.stores, [message('waiting', 1)]);
  await rig.clock.advance(73 * hours);
  rig.cleaner.start();
  await turns();
  await rig.cleaner.stop();
  expect(rig.steps.map(({ deleted }) => deleted)).toEqual([1]);
  expect((await rig.stores.outbox.stats(rig.clock.now())).pending).toBe(1);
});

test('a lot is deleted in small steps with a pause after each, again every minute', async () => {
  const rig = openRig();
  await commit(
    rig.stores,
    [1, 2, 3, 4, 5].map((number) => message(`s${number}`, 1)),
  );
  await publishAll(rig);
  await rig.clock.advance(73 * hours);
  const began = rig.clock.now();
  rig.cleaner.start();
  await rig.clock.advance(60_000 + 100);
  expect(rig.steps.map(({ at, deleted }) => [at - began, deleted])).toEqual([
    [0, 2],
    [20, 2],
    [40, 1],
    [60_040, 0],
  ]);
  await rig.cleaner.stop();
  expect(rig.clock.pendingTimers).toBe(0);
});

test('a database that does not answer is tried again in the next round', async () => {
  const rig = openRig();
  rig.outage.failure = new StoreUnavailable('gone');
  rig.cleaner.start();
  await turns();
  expect(rig.logger.entries).toEqual([
    expect.objectContaining({ level: 'warn', message: expect.stringContaining('published outbox messages') }),
  ]);
  rig.outage.failure = null;
  await rig.clock.advance(60_000);
  expect(rig.steps).toHaveLength(1);
  await rig.cleaner.stop();
});

test('stopping ends a long deletion after the step under way', async () => {
  const rig = openRig(1);
  await commit(
    rig.stores,
    [1, 2, 3].map((number) => message(`s${number}`, 1)),
  );
  await publishAll(rig);
  await rig.clock.advance(73 * hours);
  rig.cleaner.start();
  await turns();
  await rig.cleaner.stop();
  expect(rig.steps).toHaveLength(1);
});
