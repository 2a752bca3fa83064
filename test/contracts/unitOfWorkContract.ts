import { describe, expect, it } from 'vitest';
import type { Stores } from '../../src/ports/stores.ts';
import { StoreUnavailable, type Transaction, TransactionConflict } from '../../src/ports/unitOfWork.ts';
import type { StoreAdapter } from './storeAdapters.ts';
import {
  due,
  event,
  gate,
  message,
  record,
  seen,
  stream,
  transactUntilDone,
  view,
  waiting,
} from './storeFixtures.ts';
import { withStores } from './withStores.ts';

/** The contract of `UnitOfWork`: what holds for all stores of a transaction together. */
export const unitOfWorkContract = (adapter: StoreAdapter): void => {
  describe('unit of work', () => {
    const subject = withStores(adapter);

    it('makes everything that the work wrote visible at once, to other processes as well', async () => {
      const { stores, another } = subject();
      expect(await stores.unitOfWork.transact(writeEverything)).toBe('the result');
      for (const reader of [stores, ...(another === undefined ? [] : [await another()])]) {
        expect(await footprint(reader)).toEqual({
          events: 1,
          messages: 1,
          views: 1,
          keys: 1,
          gate: 1,
          held: 1,
          seen: 1,
        });
      }
    });

    it('writes nothing of a work that throws, and throws the same error on', async () => {
      const { stores } = subject();
      const failure = new Error('the work failed');
      await expect(
        stores.unitOfWork.transact(async (tx) => {
          await writeEverything(tx);
          throw failure;
        }),
      ).rejects.toBe(failure);
      expect(await footprint(stores)).toEqual(nothing);
    });

    it('writes all of those at the same time that do not throw, and nothing of one that does', async () => {
      const { stores } = subject();
      const failure = new Error('the work failed');
      const works = Array.from({ length: 6 }, (_, index) =>
        stores.unitOfWork.transact(async (tx) => {
          await tx.outbox.add([message(`/s-${index}`, 1)]);
          if (index === 3) throw failure;
          return index;
        }),
      );
      const outcomes = await Promise.allSettled(works);
      expect(
        outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason)),
      ).toEqual([0, 1, 2, failure, 4, 5]);
      expect((await due(stores)).map(({ source }) => source).sort()).toEqual([
        '/s-0',
        '/s-1',
        '/s-2',
        '/s-4',
        '/s-5',
      ]);
    });

    it('goes on after a work that threw', async () => {
      const { stores } = subject();
      await expect(stores.unitOfWork.transact(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
      await stores.unitOfWork.transact(writeEverything);
      expect(await stores.events.lastPosition()).toBeGreaterThan(0);
    });

    it('fails as a whole when a store refused something, even if the work swallows that', async () => {
      const { stores } = subject();
      await stores.unitOfWork.transact((tx) => tx.idempotency.save([record('key')]));
      await expect(
        stores.unitOfWork.transact(async (tx) => {
          await tx.events.append([{ ...stream('a'), expected: 'none', events: [event()] }]);
          await tx.idempotency.save([record('key')]).catch(() => undefined);
        }),
      ).rejects.toThrow(TransactionConflict);
      expect(await stores.events.lastPosition()).toBe(0);
    });

    const beside = adapter.alone === undefined ? it : it.skip;
    const why = adapter.alone === undefined ? '' : ` (skipped: ${adapter.alone})`;
    beside(`shows nobody what is not committed yet${why}`, async () => {
      const { stores, another } = subject();
      const reader = (await another?.()) ?? stores;
      await stores.unitOfWork.transact(async (tx) => {
        await writeEverything(tx);
        expect(await reader.events.lastPosition()).toBe(0);
        expect(await stores.events.lastPosition()).toBe(0);
        expect(await due(stores)).toEqual([]);
        expect(await stores.orderViews.get('shop', 'a')).toBeUndefined();
      });
      expect(await stores.events.lastPosition()).toBeGreaterThan(0);
    });

    it('loses no update of those who read and then write at the same time', async () => {
      const { stores } = subject();
      const addOne = (tx: Transaction) => addToCounter(tx);
      await Promise.all(Array.from({ length: 20 }, () => transactUntilDone(stores, addOne)));
      const events = await stores.events.readStream(stream('counter'));
      expect(events.map(({ data }) => data)).toEqual(
        Array.from({ length: 20 }, (_, index) => ({ count: index + 1 })),
      );
    });

    it('refuses a store that is used after its unit of work has settled', async () => {
      const { stores } = subject();
      const kept = await stores.unitOfWork.transact(async (tx) => tx);
      await expect(kept.outbox.add([message('/s', 1)])).rejects.toThrow('the transaction is over');
      expect(await due(stores)).toEqual([]);
    });

    it('refuses it too where it would know the answer by heart, and nobody sees a trace of the attempt', async () => {
      const { stores } = subject();
      const one = { ...stream('s'), expected: 'any' as const, events: [event()] };
      const kept = await stores.unitOfWork.transact(async (tx) => {
        await tx.events.append([one]);
        await tx.inbox.lockGates([gate('/s')]);
        await tx.inbox.moveGates([{ ...gate('/s'), sequence: 1 }]);
        return tx;
      });
      const late = [
        kept.events.append([one]),
        kept.events.readStreams([stream('s')]),
        kept.inbox.lockGates([gate('/s')]),
        kept.inbox.moveGates([{ ...gate('/s'), sequence: 7 }]),
      ];
      for (const attempt of late) await expect(attempt).rejects.toThrow('the transaction is over');
      await stores.unitOfWork.transact(async (tx) => {
        expect(await tx.inbox.lockGates([gate('/s')])).toMatchObject([{ sequence: 1 }]);
        await tx.events.append([one]);
      });
      const events = await stores.events.readStream(stream('s'));
      expect(events.map(({ version }) => version)).toEqual([1, 2]);
    });

    it('writes nothing of what a failed work left running', async () => {
      const { stores } = subject();
      const running: Promise<unknown>[] = [];
      await expect(
        stores.unitOfWork.transact(async (tx) => {
          for (let sequence = 1; sequence <= 5; sequence += 1) {
            running.push(tx.outbox.add([message('/s', sequence)]).catch(() => undefined));
          }
          throw new Error('gave up');
        }),
      ).rejects.toThrow('gave up');
      await Promise.all(running);
      await stores.unitOfWork.transact((tx) => tx.outbox.add([message('/later', 1)]));
      expect((await due(stores)).map(({ source }) => source)).toEqual(['/later']);
    });

    it('finishes what is running when it closes, refuses what comes later, and can be closed twice', async () => {
      const { stores, another } = subject();
      const running = stores.unitOfWork.transact(writeEverything);
      const closing = stores.close();
      expect(await running).toBe('the result');
      await closing;
      await stores.close();
      await expect(stores.unitOfWork.transact(writeEverything)).rejects.toThrow(StoreUnavailable);
      await expect(stores.events.lastPosition()).rejects.toThrow(StoreUnavailable);
      await expect(stores.outbox.stats(0)).rejects.toThrow(StoreUnavailable);
      await expect(stores.ping()).rejects.toThrow(StoreUnavailable);
      if (another !== undefined) expect(await (await another()).events.lastPosition()).toBeGreaterThan(0);
    });

    it('answers a ping', async () => {
      await expect(subject().stores.ping()).resolves.toBeUndefined();
    });
  });
};

const writeEverything = async (tx: Transaction): Promise<string> => {
  await tx.events.append([{ ...stream('a'), expected: 'none', events: [event()] }]);
  await tx.outbox.add([message('/s', 1)]);
  await tx.idempotency.save([record('everything')]);
  await tx.inbox.moveGates([{ ...gate('/s'), sequence: 1 }]);
  await tx.inbox.saveWaiting([waiting('/s', 3)]);
  await tx.inbox.recordSeen([seen('/s', 'm')]);
  await tx.orderViews.save([view('a', 1)]);
  return 'the result';
};

const nothing = { events: 0, messages: 0, views: 0, keys: 0, gate: 0, held: 0, seen: 0 };

const footprint = async (stores: Stores) => ({
  events: (await stores.events.readAll(0, 10)).length,
  messages: (await due(stores)).length,
  views: (await stores.orderViews.list({ tenant: 'shop', limit: 10 })).length,
  ...(await stores.unitOfWork.transact(async (tx) => ({
    keys: (await tx.idempotency.find([record('everything')])).length,
    gate: (await tx.inbox.lockGates([gate('/s')]))[0]?.sequence,
    held: (await tx.inbox.readWaiting([{ ...gate('/s'), from: 0, to: 1_000 }])).length,
    seen: (await tx.inbox.findSeen([seen('/s', 'm')])).length,
  }))),
});

const addToCounter = async (tx: Transaction): Promise<void> => {
  const events = await tx.events.readStreams([stream('counter')]);
  const count = events.length + 1;
  const result = await tx.events.append([
    { ...stream('counter'), expected: events.length || 'none', events: [event({ count })] },
  ]);
  expect(result.ok).toBe(true);
};
