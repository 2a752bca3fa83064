import type { ActionRecorder } from './adminActions.ts';
import type { CallbackInbox } from './callbacks.ts';
import type { DeadLetterTaker } from './deadLetters.ts';
import type { EventAppender } from './eventStore.ts';
import type { IdempotencyKeeper } from './idempotencyStore.ts';
import type { InboxGate } from './inbox.ts';
import type { OrderViewWriter } from './orderViews.ts';
import type { OutboxWriter } from './outbox.ts';
import type { RelaySwitchKeeper } from './relaySwitch.ts';
import type { ReplayKeeper } from './replays.ts';
import type { SnapshotKeeper } from './snapshots.ts';

/** Everything that one command or message may write; valid only until the work's promise settles. */
export interface Transaction {
  readonly events: EventAppender;
  readonly snapshots: SnapshotKeeper;
  readonly outbox: OutboxWriter;
  readonly idempotency: IdempotencyKeeper;
  readonly inbox: InboxGate;
  readonly orderViews: OrderViewWriter;
  readonly deadLetters: DeadLetterTaker;
  readonly replays: ReplayKeeper;
  readonly relaySwitch: RelaySwitchKeeper;
  readonly actions: ActionRecorder;
  readonly callbacks: CallbackInbox;
}

/**
 * One durable transaction over all stores of a context.
 *
 * - Atomic: when `transact` resolves, everything `work` wrote is durable (fsynced) and visible; when it rejects,
 *   none of it ever is, with one exception: `CommitUnknown`.
 * - `work` sees its own writes. It may run beside others; what it read still holds at commit.
 * - `TransactionConflict`: another writer was faster. Nothing was written; run the work again on fresh reads.
 * - `StoreUnavailable`: the database cannot be reached or does not take writes (gone, locked for too long, disk
 *   full). Nothing was written.
 * - Whatever `work` throws rolls back and is thrown on, unchanged.
 * - `work` may be run more than once before it settles, each time on fresh reads; only the last run counts.
 * - `close` waits for running work, then frees the connection; afterwards `transact` rejects with
 *   `StoreUnavailable`. Closing twice is fine.
 */
export interface UnitOfWork {
  transact<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export class TransactionConflict extends Error {
  constructor(message = 'another writer committed first', options?: ErrorOptions) {
    super(message, options);
    this.name = 'TransactionConflict';
  }
}

export class StoreUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreUnavailable';
  }
}

/** The connection broke while the commit was under way: it may or may not have happened. */
export class CommitUnknown extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommitUnknown';
  }
}
