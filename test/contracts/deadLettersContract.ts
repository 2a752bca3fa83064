import { describe, expect, it } from 'vitest';
import type { DeadLetterSelection, FoundDeadLetter, RedriveJob } from '../../src/ports/deadLetters.ts';
import type { StoreAdapter } from './storeAdapters.ts';
import { withStores } from './withStores.ts';

const letter = (id: string, changes: Partial<FoundDeadLetter> = {}): FoundDeadLetter => ({
  id,
  tenant: 'default',
  queue: 'orderflow.orders',
  messageId: `message-${id}`,
  reason: 'refused',
  error: 'no such order',
  attempts: 1,
  type: 'orderflow.inventory.stock-reserved.v1',
  source: '/orderflow/reservations/1',
  sequence: 1,
  firstSeen: 1_000,
  foundAt: 2_000,
  redrivable: true,
  message: '{"payload":"…"}',
  ...changes,
});

/** The contract of `DeadLetterDesk` and `DeadLetterTaker`. */
export const deadLettersContract = (adapter: StoreAdapter): void => {
  describe('dead letters', () => {
    const subject = withStores(adapter);
    const desk = () => subject().stores.deadLetters;
    const ids = async (query: Partial<Parameters<ReturnType<typeof desk>['list']>[0]> = {}) =>
      (await desk().list({ tenant: 'default', limit: 100, ...query })).map(({ id }) => id);

    it('are kept as they were found', async () => {
      const { foundAt, ...rest } = letter('a', { error: null, sequence: null, attempts: 6 });
      await desk().keep([{ ...rest, foundAt }]);
      const expected = { ...rest, lastSeen: foundAt };
      expect(await desk().get('default', 'a')).toEqual(expected);
      expect(await desk().list({ tenant: 'default', limit: 1 })).toEqual([expected]);
    });

    it('are one for each queue and message, however often it dies; the last cause counts', async () => {
      await desk().keep([letter('a')]);
      await desk().keep([]);
      const again = {
        messageId: 'message-a',
        reason: 'exhausted',
        error: null,
        firstSeen: 5_000,
        foundAt: 6_000,
      };
      await desk().keep([letter('b', again), letter('c', { messageId: 'message-a', queue: 'other' })]);
      expect(await ids()).toEqual(['c', 'a']);
      expect(await desk().get('default', 'a')).toMatchObject({
        reason: 'exhausted',
        error: null,
        firstSeen: 1_000,
        lastSeen: 6_000,
      });
    });

    it('are two when two sources have used one id', async () => {
      const other = { messageId: 'message-a', source: '/elsewhere/1' };
      await desk().keep([letter('a'), letter('b', other)]);
      await desk().keep([letter('c', { ...other, reason: 'crash' })]);
      expect(await ids()).toEqual(['b', 'a']);
      expect(await desk().get('default', 'a')).toMatchObject({ reason: 'refused' });
      expect(await desk().get('default', 'b')).toMatchObject({ reason: 'crash', source: '/elsewhere/1' });
    });

    it('are one also when a message comes twice at once', async () => {
      await desk().keep([letter('a'), letter('b', { messageId: 'message-a', reason: 'crash' })]);
      expect(await ids()).toEqual(['a']);
      expect(await desk().get('default', 'a')).toMatchObject({ reason: 'crash' });
    });

    it('are listed newest first, in pages, by queue, reason and type', async () => {
      await desk().keep([
        letter('a'),
        letter('b', { queue: 'other' }),
        letter('c', { reason: 'expired' }),
        letter('d', { type: 'odd' }),
      ]);
      expect(await ids()).toEqual(['d', 'c', 'b', 'a']);
      expect(await ids({ limit: 2 })).toEqual(['d', 'c']);
      expect(await ids({ before: 'c' })).toEqual(['b', 'a']);
      expect(await ids({ queue: 'other' })).toEqual(['b']);
      expect(await ids({ reason: 'expired' })).toEqual(['c']);
      expect(await ids({ type: 'odd' })).toEqual(['d']);
      expect(await ids({ queue: 'orderflow.orders', reason: 'refused', before: 'd' })).toEqual(['a']);
    });

    const take = (selection: DeadLetterSelection, limit = 100, before = 'zzz') =>
      subject().stores.unitOfWork.transact((tx) =>
        tx.deadLetters.take({ tenant: 'default', selection, before, limit }),
      );
    const job: RedriveJob = {
      id: 'job-1',
      tenant: 'default',
      selection: { queue: 'orderflow.orders', ids: ['a'] },
      limit: null,
      ratePerSecond: 5,
      total: 3,
      done: 0,
      skipped: 2,
      state: 'running',
      createdAt: 1_000,
      createdBy: 'ann',
      endedAt: null,
    };

    it('are taken once, oldest first, by id or filter, and none found later', async () => {
      await desk().keep([letter('a'), letter('b', { queue: 'other' }), letter('c'), letter('d')]);
      expect(await desk().count('default', { queue: 'orderflow.orders' })).toBe(3);
      expect((await take({ queue: 'orderflow.orders' }, 1)).map(({ id }) => id)).toEqual(['a']);
      expect((await take({ ids: ['b', 'd', 'nobody'] }, 100, 'd')).map(({ id }) => id)).toEqual(['b']);
      expect((await take({})).map(({ id, messageId }) => [id, messageId])).toEqual([
        ['c', 'message-c'],
        ['d', 'message-d'],
      ]);
      expect(await take({})).toEqual([]);
      expect(await desk().count('default', {})).toBe(0);
    });

    it('are told apart by whether they can be sent back; the last finding counts', async () => {
      await desk().keep([
        letter('a', { redrivable: false }),
        letter('b'),
        letter('c', { redrivable: false }),
      ]);
      await desk().keep([letter('c')]);
      expect(await desk().get('default', 'a')).toMatchObject({ redrivable: false });
      expect(await desk().get('default', 'c')).toMatchObject({ redrivable: true });
      expect(await desk().count('default', { redrivable: false })).toBe(1);
      expect((await take({ redrivable: true })).map(({ id }) => id)).toEqual(['b', 'c']);
      expect((await take({})).map(({ id, redrivable }) => [id, redrivable])).toEqual([['a', false]]);
    });

    it('are kept by a transaction together with all that it does, or not at all', async () => {
      const { unitOfWork } = subject().stores;
      await desk().keep([letter('a')]);
      await unitOfWork.transact(async (tx) => {
        await tx.deadLetters.keep([letter('b', { messageId: 'message-a', reason: 'crash' }), letter('c')]);
        await tx.deadLetters.saveJob(job);
      });
      expect(await ids()).toEqual(['c', 'a']);
      expect(await desk().get('default', 'a')).toMatchObject({ reason: 'crash', firstSeen: 1_000 });
      const failing = unitOfWork.transact(async (tx) => {
        await tx.deadLetters.keep([letter('d')]);
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      expect(await ids()).toEqual(['c', 'a']);
    });

    it('stay when the transaction that took them fails', async () => {
      await desk().keep([letter('a')]);
      const { unitOfWork } = subject().stores;
      const failing = unitOfWork.transact(async (tx) => {
        await tx.deadLetters.take({ tenant: 'default', selection: {}, before: 'zzz', limit: 9 });
        await tx.deadLetters.saveJob(job);
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      expect(await ids()).toEqual(['a']);
      expect(await desk().job('default', 'job-1')).toBeUndefined();
    });

    it('have jobs, of which those that run are found', async () => {
      const { unitOfWork } = subject().stores;
      await unitOfWork.transact(async (tx) => {
        await tx.deadLetters.saveJob(job);
        await tx.deadLetters.saveJob({ ...job, id: 'job-2', limit: 7, ratePerSecond: null });
      });
      expect((await desk().runningJobs()).map(({ id }) => id)).toEqual(['job-1', 'job-2']);
      await unitOfWork.transact(async (tx) => {
        const found = await tx.deadLetters.findJob('default', 'job-1');
        expect(found).toEqual(job);
        await tx.deadLetters.saveJob({ ...job, done: 3, state: 'done', endedAt: 2_000 });
      });
      expect(await desk().job('default', 'job-1')).toEqual({
        ...job,
        done: 3,
        state: 'done',
        endedAt: 2_000,
      });
      expect(await desk().job('other', 'job-1')).toBeUndefined();
      expect((await desk().runningJobs()).map(({ limit }) => limit)).toEqual([7]);
    });

    it('lose the jobs that have ended, those that ended first, and none that runs, however old', async () => {
      await subject().stores.unitOfWork.transact(async (tx) => {
        for (const [id, endedAt] of [
          ['job-1', null],
          ['job-2', 30],
          ['job-3', 10],
          ['job-4', 20],
        ] as const) {
          await tx.deadLetters.saveJob({ ...job, id, state: endedAt === null ? 'running' : 'done', endedAt });
        }
      });
      const left = async () => {
        const found = await Promise.all([1, 2, 3, 4].map((n) => desk().job('default', `job-${n}`)));
        return found.flatMap((one) => one?.id ?? []);
      };
      expect(await desk().deleteJobsEndedBefore(30, 1)).toBe(1);
      expect(await left()).toEqual(['job-1', 'job-2', 'job-4']);
      expect(await desk().deleteJobsEndedBefore(30, 9)).toBe(1);
      expect(await left()).toEqual(['job-1', 'job-2']);
      expect(await desk().deleteJobsEndedBefore(5_000, 9)).toBe(1);
      expect(await desk().deleteJobsEndedBefore(5_000, 9)).toBe(0);
      expect(await left()).toEqual(['job-1']);
    });

    it('are each their own tenant’s', async () => {
      await desk().keep([letter('a'), letter('b', { tenant: 'other', messageId: 'message-a' })]);
      expect(await ids()).toEqual(['a']);
      expect(await ids({ tenant: 'other' })).toEqual(['b']);
      expect(await desk().get('default', 'b')).toBeUndefined();
    });
  });
};
