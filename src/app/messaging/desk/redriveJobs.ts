import type { Clock } from '../../../ports/clock.ts';
import type { DeadLetterDesk } from '../../../ports/deadLetters.ts';
import type { Ids } from '../../../ports/ids.ts';
import type { UnitOfWork } from '../../../ports/unitOfWork.ts';
import type { JobKind } from '../operate/JobWorker.ts';
import { retrying } from '../operate/retrying.ts';
import { task } from './deadLetterService.ts';

export interface RedriveJobsParts {
  readonly unitOfWork: UnitOfWork;
  readonly desk: Pick<DeadLetterDesk, 'runningJobs'>;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Called after a commit that put messages into the outbox. */
  readonly onCommitted: () => void;
}

/** Letters in one transaction at most. */
const stepSize = 500;
const second = 1_000;

/** Each step takes letters from the desk, and puts them into the outbox in one transaction with the job's count. */
export const redriveJobs = ({ unitOfWork, desk, clock, ids, onCommitted }: RedriveJobsParts): JobKind => ({
  name: 'redrive',
  runningJobs: () => desk.runningJobs(),
  step: async (tenant, id) => {
    const startedAt = clock.now();
    const { sent, ratePerSecond } = await retrying(unitOfWork, async (tx) => {
      const job = await tx.deadLetters.findJob(tenant, id);
      if (job?.state !== 'running') return { sent: 0, ratePerSecond: null };
      // A step of a slow job takes the letters of one second, of a fast one those of a part of it.
      const size = Math.min(stepSize, job.ratePerSecond ?? stepSize);
      const limit = Math.min(size, (job.limit ?? Number.POSITIVE_INFINITY) - job.done);
      const selection = { ...job.selection, redrivable: true };
      const letters = limit <= 0 ? [] : await tx.deadLetters.take({ tenant, selection, before: id, limit });
      if (letters.length > 0) await tx.outbox.add(letters.map((letter) => task(letter, 'redrive', ids)));
      const done = job.done + letters.length;
      const total = Math.max(job.total, done);
      const ended = letters.length < size ? ({ state: 'done', endedAt: clock.now() } as const) : {};
      await tx.deadLetters.saveJob({ ...job, done, total, ...ended });
      return { sent: letters.length, ratePerSecond: job.ratePerSecond };
    });
    if (sent === 0) return null;
    onCommitted();
    if (ratePerSecond === null) return 0;
    return Math.max(0, startedAt + (sent / ratePerSecond) * second - clock.now());
  },
});
