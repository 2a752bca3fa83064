import type { ActionReader } from './adminActions.ts';
import type { CallbackCleaner, CallbackReader } from './callbacks.ts';
import type { DeadLetterDesk } from './deadLetters.ts';
import type { EventReader } from './eventStore.ts';
import type { IdempotencyCleaner } from './idempotencyStore.ts';
import type { InboxCleaner, InboxReader } from './inbox.ts';
import type { MessageTrace } from './messageTrace.ts';
import type { OrderViewReader } from './orderViews.ts';
import type { Outbox, PartitionLeases } from './outbox.ts';
import type { ProcessRegister } from './processRegister.ts';
import type { RelaySwitchReader } from './relaySwitch.ts';
import type { ReplayCleaner, ReplayReader } from './replays.ts';
import type { SnapshotReader } from './snapshots.ts';
import type { UnitOfWork } from './unitOfWork.ts';

/** Everything that one database gives. All parts see the same rows; what one commits the others read. */
export interface Stores {
  readonly unitOfWork: UnitOfWork;
  readonly events: EventReader;
  readonly snapshots: SnapshotReader;
  readonly outbox: Outbox;
  readonly leases: PartitionLeases;
  readonly idempotencyCleaner: IdempotencyCleaner;
  readonly inbox: InboxReader;
  readonly inboxCleaner: InboxCleaner;
  readonly deadLetters: DeadLetterDesk;
  readonly processes: ProcessRegister;
  readonly replays: ReplayReader;
  readonly replayCleaner: ReplayCleaner;
  readonly relaySwitch: RelaySwitchReader;
  readonly actions: ActionReader;
  readonly callbacks: CallbackReader;
  readonly callbackCleaner: CallbackCleaner;
  readonly orderViews: OrderViewReader;
  readonly trace: MessageTrace;
  /** Resolves when the database answers a query; rejects with `StoreUnavailable` when it does not. */
  ping(): Promise<void>;
  /** Waits for running work, then frees every connection. Afterwards all parts reject. Closing twice is fine. */
  close(): Promise<void>;
}
