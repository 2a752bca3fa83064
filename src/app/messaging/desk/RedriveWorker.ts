import type { Clock } from '../../../ports/clock.ts';
import type { DeadLetterDesk, RedriveJob } from '../../../ports/deadLetters.ts';
import type { Ids } from '../../../ports/ids.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { UnitOfWork } from '../../../ports/unitOfWork.ts';
import { Bell } from '../Bell.ts';
import { retrying, task } from './deadLetterService.ts';

export interface RedriveWorkerOptions {
  readonly unitOfWork: UnitOfWork;
  readonly desk: Pick<DeadLetterDesk, 'runningJobs'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** Called after a commit that put messages into the outbox. */
  readonly onCommitted: () => void;
}

/** Letters in one transaction at most. */
const stepSize = 500;
/** How often jobs that another process was asked for are looked for. */
const pollMs = 2_000;
const second = 1_000;

/**
 * Does redrive jobs, the oldest first. Each step takes letters from the desk and puts them into the outbox in one
 * transaction with the job's count, so that a job goes on exactly where it was after a crash, and two processes that
 * work on one job share it.
 */
export class RedriveWorker {
  readonly #options: RedriveWorkerOptions;
  readonly #bell: Bell;
  readonly #stopping = new AbortController();
  #working: Promise<void> = Promise.resolve();

  constructor(options: RedriveWorkerOptions) {
    this.#options = options;
    this.#bell = new Bell(options.clock);
  }

  start(): void {
    this.#working = this.#work();
  }

  /** There is a new job. */
  wake(): void {
    this.#bell.ring();
  }

  /** Ends after the step under way; jobs go on when a worker starts again. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#bell.ring();
    await this.#working;
  }

  async #work(): Promise<void> {
    const { desk, logger } = this.#options;
    while (!this.#stopping.signal.aborted) {
      try {
        for (const job of await desk.runningJobs()) await this.#do(job);
      } catch (err) {
        logger.warn({ err }, 'dead letters could not be redriven; trying again');
      }
      await this.#bell.rest(pollMs);
    }
  }

  async #do({ tenant, id, ratePerSecond }: RedriveJob): Promise<void> {
    const { clock } = this.#options;
    const signal = this.#stopping.signal;
    while (!signal.aborted) {
      const startedAt = clock.now();
      const sent = await this.#step(tenant, id, Math.min(stepSize, ratePerSecond ?? stepSize));
      if (sent === 0) return;
      // A step of a slow job takes the letters of one second, of a fast one those of a part of it.
      if (ratePerSecond !== null) {
        const due = startedAt + (sent / ratePerSecond) * second;
        await clock.sleep(Math.max(0, due - clock.now()), signal);
      }
    }
  }

  /** Returns how many letters were sent; 0 when the job has ended. */
  async #step(tenant: string, id: string, size: number): Promise<number> {
    const { unitOfWork, ids, onCommitted } = this.#options;
    const sent = await retrying(unitOfWork, async (tx) => {
      const job = await tx.deadLetters.findJob(tenant, id);
      if (job?.state !== 'running') return 0;
      const limit = Math.min(size, (job.limit ?? Number.POSITIVE_INFINITY) - job.done);
      const letters =
        limit <= 0 ? [] : await tx.deadLetters.take({ tenant, selection: job.selection, before: id, limit });
      if (letters.length > 0) await tx.outbox.add(letters.map((letter) => task(letter, 'redrive', ids)));
      const done = job.done + letters.length;
      const state = letters.length < size ? 'done' : 'running';
      await tx.deadLetters.saveJob({ ...job, done, total: Math.max(job.total, done), state });
      return letters.length;
    });
    if (sent > 0) onCommitted();
    return sent;
  }
}
