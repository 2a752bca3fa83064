import type { CallbackReader, CallbackRow } from '../../ports/callbacks.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ids } from '../../ports/ids.ts';
import type { Logger } from '../../ports/logger.ts';
import type { WritePipeline } from '../commands/WritePipeline.ts';
import { Bell } from '../messaging/Bell.ts';
import { unparkWork } from './callbackWork.ts';

export interface ParkedCallbacksOptions {
  readonly callbacks: Pick<CallbackReader, 'ready'>;
  readonly pipeline: Pick<WritePipeline, 'submit'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

const pageSize = 200;
/** Between two looks, however often commits ring; and at most a twentieth of the time is spent on looking. */
const minRestMs = 100;
const restPerLook = 19;
/** Orders that other processes place ring nobody here: the rest grows up to this while there is nothing to do. */
const maxRestMs = 10_000;

/**
 * Applies parked callbacks whose order has appeared, each in a transaction of its own, which finds out whether another
 * process was faster. Looks after commits of this process, and now and then for those of others.
 */
export class ParkedCallbacks {
  readonly #options: ParkedCallbacksOptions;
  readonly #bell: Bell;
  readonly #stopping = new AbortController();
  #working: Promise<void> = Promise.resolve();

  constructor(options: ParkedCallbacksOptions) {
    this.#options = options;
    this.#bell = new Bell(options.clock);
  }

  start(): void {
    this.#working = this.#work();
  }

  /** Something was committed. */
  wake(): void {
    this.#bell.ring();
  }

  /** Ends after the page under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#bell.ring();
    await this.#working;
  }

  async #work(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    let rest = minRestMs;
    while (!signal.aborted) {
      const startedAt = clock.now();
      const outcome = await this.#look();
      await clock.sleep(Math.max(minRestMs, (clock.now() - startedAt) * restPerLook), signal);
      rest = outcome === 'applied' ? minRestMs : Math.min(maxRestMs, rest * 2);
      if (signal.aborted) return;
      // After a failure no commit brings the next look forward.
      if (outcome === 'failed') await clock.sleep(rest, signal);
      else await this.#bell.rest(rest);
    }
  }

  /** Once through all that are ready. */
  async #look(): Promise<'applied' | 'nothing' | 'failed'> {
    const { callbacks, logger } = this.#options;
    let outcome: 'applied' | 'nothing' | 'failed' = 'nothing';
    try {
      for (let after = ''; !this.#stopping.signal.aborted; ) {
        const page = await callbacks.ready(after, pageSize);
        if (page.length === 0) break;
        const failed = await this.#applyAll(page);
        if (failed > 0) outcome = 'failed';
        else if (outcome === 'nothing') outcome = 'applied';
        after = page.at(-1)!.id;
      }
      return outcome;
    } catch (err) {
      logger.warn({ err }, 'parked callbacks could not be looked for; trying again');
      return 'failed';
    }
  }

  /** Handed over together and in their order, they are decided in one batch. Returns how many failed. */
  async #applyAll(rows: readonly CallbackRow[]): Promise<number> {
    const { logger } = this.#options;
    const settled = await Promise.allSettled(rows.map((row) => this.#apply(row)));
    let failed = 0;
    for (const [index, result] of settled.entries()) {
      if (result.status === 'fulfilled') continue;
      failed += 1;
      const { provider, callbackId } = rows[index]!;
      logger.warn({ err: result.reason, provider, callbackId }, 'a parked callback could not be applied');
    }
    return failed;
  }

  async #apply(row: CallbackRow): Promise<void> {
    const { pipeline, clock, ids } = this.#options;
    await pipeline.submit(unparkWork(row, clock.now, ids));
  }
}
