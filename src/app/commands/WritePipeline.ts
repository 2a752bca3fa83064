import { type CommandResult, Overloaded } from '../../ports/commands.ts';
import type { Logger } from '../../ports/logger.ts';
import { CommitUnknown, StoreUnavailable, TransactionConflict } from '../../ports/unitOfWork.ts';
import { BatchPace } from './BatchPace.ts';
import { type CommitOptions, commitBatch, type Settlement } from './commitBatch.ts';
import { RecentStreams } from './RecentStreams.ts';
import type { Work } from './work.ts';

export interface WritePipelineOptions extends CommitOptions {
  readonly logger: Logger;
  /** How many items may wait; one more is refused. */
  readonly capacity: number;
  /** How much memory those that wait may take together, about; 64 MiB by default. */
  readonly capacityBytes?: number;
  /** How many items one transaction takes at most. */
  readonly maxBatch: number;
  /** Called after every commit that wrote messages: wakes the relay and the event streams. */
  readonly onCommitted: () => void;
}

interface Waiting {
  readonly work: Work<unknown>;
  readonly settle: (settlement: Settlement) => void;
}

/** Attempts of a batch before its items run one by one, and of a single item before it is given up. */
const batchAttempts = 4;
const singleAttempts = 20;
/** Callers that are told their outcome in one turn of the event loop. */
const sliceSize = 16;
const defaultCapacityBytes = 64 * 1024 * 1024;

/**
 * Group commit. Whatever is waiting becomes one batch: one transaction, one fsync. Items are decided in arrival
 * order, each seeing what those before it decided; every caller gets its own outcome, after the commit.
 *
 * - An item that throws, or is refused, does not disturb its neighbours.
 * - `TransactionConflict`: another process was faster; the batch runs again on fresh reads.
 * - A batch that keeps failing runs one by one, so that one bad item cannot take others down.
 * - `StoreUnavailable` and `CommitUnknown` fail the batch: the callers repeat with the same idempotency key.
 */
export class WritePipeline {
  readonly #options: WritePipelineOptions;
  readonly #pace: BatchPace;
  readonly #recent = new RecentStreams();
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | null = null;
  /** Resolves when all callers of committed batches know their outcome. */
  #told: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: WritePipelineOptions) {
    this.#options = options;
    this.#pace = new BatchPace(options.clock, options.maxBatch);
  }

  /** Rejects with `Overloaded`, `StoreUnavailable`, or whatever `work.run` threw. */
  submit<Outcome>(work: Work<Outcome>): Promise<CommandResult<Outcome>> {
    if (this.#stopped) return Promise.reject(new Overloaded('The service is shutting down.'));
    if (this.#isFull(work.bytes ?? 0)) {
      return Promise.reject(new Overloaded('Too many requests are waiting to be written.'));
    }
    return new Promise((resolve, reject) => {
      const settle = (settlement: Settlement) =>
        'error' in settlement
          ? reject(settlement.error)
          : resolve(settlement.result as CommandResult<Outcome>); /* the result of this very work */
      // Outcomes travel untyped between here and `settle`; `remember` only ever meets the outcome of its own work.
      this.#waiting.push({ work: work as Work<unknown>, settle });
      this.#waitingBytes += work.bytes ?? 0;
      this.#pace.arrived(work, this.#waiting.length);
      this.#running ??= this.#drain();
    });
  }

  /** Takes nothing new, and resolves when everything that was waiting is settled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pace.hurry();
    await this.#running;
    await this.#told;
  }

  /** One large item alone always finds room. */
  #isFull(bytes: number): boolean {
    const { capacity, capacityBytes = defaultCapacityBytes } = this.#options;
    if (this.#waiting.length >= capacity) return true;
    return this.#waiting.length > 0 && this.#waitingBytes + bytes > capacityBytes;
  }

  async #drain(): Promise<void> {
    // One turn of the event loop lets requests that arrived together join the first batch.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      await this.#pace.gather(this.#waiting);
      const batch = this.#waiting.splice(0, this.#options.maxBatch);
      for (const { work } of batch) this.#waitingBytes -= work.bytes ?? 0;
      const settlements = await this.#settleBatch(batch.map(({ work }) => work));
      this.#pace.ended(batch.length);
      this.#told = this.#tell(batch, settlements, this.#told);
    }
    this.#running = null;
  }

  /**
   * Slice by slice, with turns of the event loop between: answering takes as long as writing, and so the next batch
   * is on its way to the disk meanwhile.
   */
  async #tell(batch: readonly Waiting[], settlements: readonly Settlement[], before: Promise<void>) {
    await before;
    for (const [index, item] of batch.entries()) {
      if (index % sliceSize === 0) await new Promise<void>((resolve) => setImmediate(resolve));
      item.settle(settlements[index]!);
    }
  }

  async #settleBatch(batch: readonly Work<unknown>[]): Promise<readonly Settlement[]> {
    const attempts = batch.length === 1 ? singleAttempts : batchAttempts;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#commitBatch(batch);
      } catch (error) {
        const conflict = error instanceof TransactionConflict;
        // Should a state ever be of a history that is no more, such as before a restored backup, it must not conflict for ever.
        if (conflict) this.#recent.clear();
        if (conflict && attempt < attempts) {
          await this.#options.clock.sleep(Math.random() * Math.min(2 ** attempt, 50));
          continue;
        }
        if (isUnavailable(error)) return batch.map(() => ({ error: asUnavailable(error) }));
        if (batch.length === 1)
          return [{ error: conflict ? new StoreUnavailable('too many writers at once') : error }];
        this.#options.logger.warn(
          { err: error, items: batch.length },
          'a batch failed; its items run one by one',
        );
        return this.#settleOneByOne(batch);
      }
    }
  }

  async #settleOneByOne(batch: readonly Work<unknown>[]): Promise<readonly Settlement[]> {
    const settlements: Settlement[] = [];
    for (const [index, work] of batch.entries()) {
      const [settlement] = await this.#settleBatch([work]);
      // The database has gone meanwhile: each of the others would only wait for the same answer.
      if (isUnavailable(settlement && 'error' in settlement && settlement.error)) {
        return [...settlements, ...batch.slice(index).map(() => settlement!)];
      }
      settlements.push(settlement!);
    }
    return settlements;
  }

  async #commitBatch(batch: readonly Work<unknown>[]): Promise<readonly Settlement[]> {
    const { settlements, wroteMessages } = await commitBatch(this.#options, this.#recent, batch);
    if (wroteMessages) this.#announce();
    return settlements;
  }

  /** The commit has happened: whatever a listener does, it must not look like a failed batch. */
  #announce(): void {
    try {
      this.#options.onCommitted();
    } catch (error) {
      this.#options.logger.error({ err: error }, 'a commit listener failed');
    }
  }
}

const isUnavailable = (error: unknown): error is StoreUnavailable | CommitUnknown =>
  error instanceof StoreUnavailable || error instanceof CommitUnknown;

const asUnavailable = (error: StoreUnavailable | CommitUnknown): StoreUnavailable =>
  error instanceof StoreUnavailable ? error : new StoreUnavailable(error.message, { cause: error });
