import type { CallbackReader, CallbackRow } from '../../ports/callbacks.ts';
import type { Clock } from '../../ports/clock.ts';
import { Overloaded } from '../../ports/commands.ts';
import type { Ids } from '../../ports/ids.ts';
import type { Logger } from '../../ports/logger.ts';
import { StoreUnavailable } from '../../ports/unitOfWork.ts';
import type { WritePipeline } from '../commands/WritePipeline.ts';
import { Rounds } from '../messaging/Rounds.ts';
import { unparkWork } from './callbackWork.ts';
import { FailedRows } from './FailedRows.ts';

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
  readonly #rounds: Rounds;
  readonly #failed = new FailedRows();
  #restMs = minRestMs;

  constructor(options: ParkedCallbacksOptions) {
    this.#options = options;
    this.#rounds = new Rounds(options.clock, () => this.#round());
  }

  start(): void {
    this.#rounds.start();
  }

  /** Something was committed. */
  wake(): void {
    this.#rounds.ring();
  }

  /** Ends after the page under way. */
  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  async #round(): Promise<number> {
    const { clock } = this.#options;
    const { stopping } = this.#rounds;
    const startedAt = clock.now();
    const outcome = await this.#look();
    await clock.sleep(Math.max(minRestMs, (clock.now() - startedAt) * restPerLook), stopping);
    this.#restMs = outcome === 'applied' ? minRestMs : Math.min(maxRestMs, this.#restMs * 2);
    if (outcome !== 'failed') return this.#restMs;
    // After a failure no commit brings the next look forward.
    await clock.sleep(this.#restMs, stopping);
    return 0;
  }

  /** Once through all that are ready. Only what fails for all of them makes it `failed`. */
  async #look(): Promise<'applied' | 'nothing' | 'failed'> {
    const { callbacks, logger } = this.#options;
    const seen = new Set<string>();
    let applied = 0;
    try {
      for (let after = ''; !this.#rounds.stopping.aborted; ) {
        const page = await callbacks.ready(after, pageSize);
        if (page.length === 0) {
          this.#failed.forgetOthers(seen);
          break;
        }
        for (const { id } of page) seen.add(id);
        applied += await this.#applyAll(page);
        after = page.at(-1)!.id;
      }
      return applied > 0 ? 'applied' : 'nothing';
    } catch (err) {
      logger.warn({ err }, 'parked callbacks cannot be applied now; trying again');
      return 'failed';
    }
  }

  /**
   * Handed over together and in their order, they are decided in one batch. Returns how many were; rejects when the
   * database, or the queue of writes, takes none. A row that fails by itself is left alone for a while.
   */
  async #applyAll(page: readonly CallbackRow[]): Promise<number> {
    const { clock, logger } = this.#options;
    const rows = page.filter(({ id }) => !this.#failed.isLeftAlone(id, clock.now()));
    const settled = await Promise.allSettled(rows.map((row) => this.#apply(row)));
    let applied = 0;
    for (const [index, result] of settled.entries()) {
      if (result.status === 'fulfilled') {
        applied += 1;
        continue;
      }
      const { reason: err } = result;
      if (err instanceof StoreUnavailable || err instanceof Overloaded) throw err;
      const { id, provider, callbackId } = rows[index]!;
      this.#failed.add(id, clock.now());
      logger.warn({ err, provider, callbackId }, 'a parked callback could not be applied');
    }
    return applied;
  }

  async #apply(row: CallbackRow): Promise<void> {
    const { pipeline, clock, ids } = this.#options;
    await pipeline.submit(unparkWork(row, clock.now, ids));
  }
}
