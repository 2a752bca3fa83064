import type { Clock } from '../../ports/clock.ts';
import { StoreUnavailable, type Transaction, type UnitOfWork } from '../../ports/unitOfWork.ts';
import { MemoryTransaction, type Pause } from './MemoryTransaction.ts';
import { createCallbackInbox } from './memoryCallbacks.ts';
import { createDeadLetterTaker } from './memoryDeadLetters.ts';
import { createEventAppender } from './memoryEvents.ts';
import { createIdempotencyKeeper } from './memoryIdempotency.ts';
import { createInboxGate } from './memoryInbox.ts';
import { createActionRecorder, createRelaySwitchKeeper, createReplayKeeper } from './memoryOperations.ts';
import { createOrderViewWriter } from './memoryOrderViews.ts';
import { createOutboxWriter } from './memoryOutbox.ts';
import { createSnapshotKeeper } from './memorySnapshots.ts';
import type { MemoryState } from './memoryState.ts';

/** Transactions that really run at once; of those that get in each other's way, the first to commit wins. */
export class MemoryUnitOfWork implements UnitOfWork {
  readonly #state: MemoryState;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #pause: Pause;
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  constructor(state: MemoryState, clock: Pick<Clock, 'now'>, pause: Pause) {
    this.#state = state;
    this.#clock = clock;
    this.#pause = pause;
  }

  get closed(): boolean {
    return this.#closed;
  }

  async transact<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    if (this.#closed) throw new StoreUnavailable('the database is closed');
    const running = this.#run(work);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#running);
  }

  async #run<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    await this.#pause('transaction.begin');
    const transaction = new MemoryTransaction(this.#state, this.#pause);
    let result: T;
    try {
      result = await work(this.#stores(transaction));
    } finally {
      transaction.end();
    }
    await this.#pause('transaction.commit');
    transaction.commit();
    await this.#pause('transaction.committed');
    return result;
  }

  #stores(transaction: MemoryTransaction): Transaction {
    const events = createEventAppender(transaction);
    return {
      events,
      snapshots: createSnapshotKeeper(transaction),
      outbox: createOutboxWriter(transaction, this.#clock),
      idempotency: createIdempotencyKeeper(transaction),
      inbox: createInboxGate(transaction),
      orderViews: createOrderViewWriter(transaction, events),
      deadLetters: createDeadLetterTaker(transaction),
      replays: createReplayKeeper(transaction),
      relaySwitch: createRelaySwitchKeeper(transaction),
      actions: createActionRecorder(transaction),
      callbacks: createCallbackInbox(transaction),
    };
  }
}
