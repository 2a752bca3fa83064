import type { Clock } from '../../../ports/clock.ts';
import type { Logger } from '../../../ports/logger.ts';
import { Rounds } from '../Rounds.ts';

/** What a kind of job consists of. A job is a row; all that is known of it is there. */
export interface JobKind {
  /** For the log: `redrive`. */
  readonly name: string;
  runningJobs(): Promise<readonly { readonly tenant: string; readonly id: string }[]>;
  /**
   * Does one step in one transaction with the job's row, so that a job goes on exactly where it was after a crash, and
   * processes that work on one job share it. Returns after how many ms the next may begin; null when the job has ended.
   */
  step(tenant: string, id: string): Promise<number | null>;
}

export interface JobWorkerOptions {
  readonly kind: JobKind;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often jobs that another process was asked for, and those whose step failed, are looked for. */
const pollMs = 2_000;

/** Does the jobs of one kind, side by side, so that one that cannot go on holds up no other. */
export class JobWorker {
  readonly #options: JobWorkerOptions;
  readonly #rounds: Rounds;
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(options: JobWorkerOptions) {
    this.#options = options;
    this.#rounds = new Rounds(options.clock, () => this.#look());
  }

  start(): void {
    this.#rounds.start();
  }

  /** There is a new job. */
  wake(): void {
    this.#rounds.ring();
  }

  /** Ends after the steps under way; jobs go on when a worker starts again. */
  async stop(): Promise<void> {
    await this.#rounds.stop();
    await Promise.all(this.#underWay.values());
  }

  async #look(): Promise<number> {
    try {
      for (const { tenant, id } of await this.#options.kind.runningJobs()) this.#begin(tenant, id);
    } catch (err) {
      this.#warn(err);
    }
    return pollMs;
  }

  #begin(tenant: string, id: string): void {
    if (this.#underWay.has(id) || this.#rounds.stopping.aborted) return;
    const done = this.#do(tenant, id).finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, done);
  }

  async #do(tenant: string, id: string): Promise<void> {
    const { stopping } = this.#rounds;
    try {
      while (!stopping.aborted) {
        const restMs = await this.#options.kind.step(tenant, id);
        if (restMs === null) return;
        if (restMs > 0) await this.#options.clock.sleep(restMs, stopping);
      }
    } catch (err) {
      this.#warn(err, id);
    }
  }

  #warn(err: unknown, job?: string): void {
    const { logger, kind } = this.#options;
    logger.warn({ err, job }, `a ${kind.name} cannot go on; trying again`);
  }
}
