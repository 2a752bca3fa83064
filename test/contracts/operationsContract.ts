import { describe, expect, it } from 'vitest';
import type { AdminAction } from '../../src/ports/adminActions.ts';
import type { ReplayJob } from '../../src/ports/replays.ts';
import type { StoreAdapter } from './storeAdapters.ts';
import { transactUntilDone } from './storeFixtures.ts';
import { withStores } from './withStores.ts';

const job: ReplayJob = {
  id: 'job-1',
  tenant: 'default',
  queue: 'orderflow.loyalty',
  streams: ['orders/a', 'stock/“b”'],
  from: 3,
  until: 9_000_000_000,
  position: 3,
  underway: 7,
  sent: 4,
  ratePerSecond: 5,
  nextStepAt: 1_790_000_000_000,
  state: 'running',
  createdAt: 1_000,
  createdBy: 'ann',
  endedAt: null,
};

/** The contract of replay jobs, the relay's switch and the record of admin actions. */
export const operationsContract = (adapter: StoreAdapter): void => {
  describe('operations', () => {
    const subject = withStores(adapter);
    const save = (...jobs: readonly ReplayJob[]) =>
      subject().stores.unitOfWork.transact(async (tx) => {
        for (const one of jobs) await tx.replays.saveJob(one);
      });

    describe('replay jobs', () => {
      it('are kept as they are, each its own tenant’s, and those that run are found, oldest first', async () => {
        const { replays } = subject().stores;
        const other = { ...job, id: 'job-2', tenant: 'other', streams: null, ratePerSecond: null };
        await save(other, job);
        expect(await replays.job('default', 'job-1')).toEqual(job);
        expect(await replays.job('other', 'job-2')).toEqual(other);
        expect(await replays.job('other', 'job-1')).toBeUndefined();
        expect(await replays.runningJobs()).toEqual([job, other]);
      });

      it('move on, and end', async () => {
        const { replays } = subject().stores;
        await save(job);
        const moved: ReplayJob = {
          ...job,
          position: 7,
          underway: 20,
          sent: 9,
          nextStepAt: 5,
          state: 'done',
          endedAt: 2_000,
        };
        await save(moved);
        expect(await replays.job('default', 'job-1')).toEqual(moved);
        expect(await replays.runningJobs()).toEqual([]);
      });

      it('are moved on by one of two who read the same', async () => {
        const { stores } = subject();
        await save(job);
        const step = () =>
          transactUntilDone(stores, async (tx) => {
            const found = await tx.replays.findJob('default', 'job-1');
            if (found?.underway !== 7) return 'late';
            await tx.replays.saveJob({ ...found, underway: 8 });
            return 'first';
          });
        expect((await Promise.all([step(), step()])).sort()).toEqual(['first', 'late']);
      });

      it('go when they have ended, those that ended first, and none that runs, however old', async () => {
        const { replays, replayCleaner } = subject().stores;
        const endedAt = (id: string, at: number): ReplayJob => ({ ...job, id, state: 'done', endedAt: at });
        await save(job, endedAt('job-2', 30), endedAt('job-3', 10), endedAt('job-4', 20));
        const left = async () => {
          const found = await Promise.all([1, 2, 3, 4].map((n) => replays.job('default', `job-${n}`)));
          return found.flatMap((one) => one?.id ?? []);
        };
        expect(await replayCleaner.deleteEndedBefore(30, 1)).toBe(1);
        expect(await left()).toEqual(['job-1', 'job-2', 'job-4']);
        expect(await replayCleaner.deleteEndedBefore(30, 9)).toBe(1);
        expect(await left()).toEqual(['job-1', 'job-2']);
        expect(await replayCleaner.deleteEndedBefore(5_000, 9)).toBe(1);
        expect(await replayCleaner.deleteEndedBefore(5_000, 9)).toBe(0);
        expect(await left()).toEqual(['job-1']);
      });

      it('are not kept by a transaction that fails', async () => {
        const { stores } = subject();
        const failing = stores.unitOfWork.transact(async (tx) => {
          await tx.replays.saveJob(job);
          throw new Error('no');
        });
        await expect(failing).rejects.toThrow('no');
        expect(await stores.replays.runningJobs()).toEqual([]);
      });
    });

    it('a queue starts for the first time once, whoever asks', async () => {
      const { stores } = subject();
      const start = (queue: string) =>
        transactUntilDone(stores, (tx) => tx.replays.recordStart(queue, 1_000));
      const both = await Promise.all([start('a'), start('a')]);
      expect(both.sort()).toEqual([false, true]);
      expect([await start('a'), await start('b')]).toEqual([false, true]);
    });

    it('the relay is not paused at first, and then as it was set last', async () => {
      const { stores } = subject();
      const set = (paused: boolean, at: number, by: string) =>
        stores.unitOfWork.transact((tx) => tx.relaySwitch.set({ paused, at, by }));
      expect(await stores.relaySwitch.read()).toEqual({ paused: false, changedAt: null, changedBy: null });
      await set(true, 5, 'ann');
      expect(await stores.relaySwitch.read()).toEqual({ paused: true, changedAt: 5, changedBy: 'ann' });
      await set(false, 6, 'bob');
      expect(await stores.relaySwitch.read()).toEqual({ paused: false, changedAt: 6, changedBy: 'bob' });
    });

    describe('admin actions', () => {
      const action = (id: string, changes: Partial<AdminAction> = {}): AdminAction => ({
        id,
        tenant: 'default',
        at: 1_790_000_000_000,
        who: 'ann',
        what: 'redrive',
        messages: 3,
        detail: '{"job":"1"}',
        ...changes,
      });

      it('are listed newest first, in pages, each tenant’s its own', async () => {
        const { stores } = subject();
        await stores.unitOfWork.transact(async (tx) => {
          await tx.actions.record(action('a'));
          await tx.actions.record(action('b', { what: 'pause', messages: 0, detail: '{}' }));
          await tx.actions.record(action('c', { tenant: 'other' }));
          await tx.actions.record(action('d', { who: 'bob' }));
        });
        const list = (more: { before?: string; limit?: number }) =>
          stores.actions.list({ tenant: 'default', limit: 10, ...more });
        expect(await list({})).toEqual([
          action('d', { who: 'bob' }),
          action('b', { what: 'pause', messages: 0, detail: '{}' }),
          action('a'),
        ]);
        expect((await list({ limit: 1 })).map(({ id }) => id)).toEqual(['d']);
        expect((await list({ before: 'd', limit: 1 })).map(({ id }) => id)).toEqual(['b']);
        expect(await list({ before: 'a' })).toEqual([]);
      });

      it('are not recorded by a transaction that fails', async () => {
        const { stores } = subject();
        const failing = stores.unitOfWork.transact(async (tx) => {
          await tx.actions.record(action('a'));
          throw new Error('no');
        });
        await expect(failing).rejects.toThrow('no');
        expect(await stores.actions.list({ tenant: 'default', limit: 10 })).toEqual([]);
      });
    });
  });
};
