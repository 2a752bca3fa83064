import type { Clock } from '../../ports/clock.ts';
import type { Stores } from '../../ports/stores.ts';
import { StoreUnavailable } from '../../ports/unitOfWork.ts';
import type { Pause } from './MemoryTransaction.ts';
import { MemoryUnitOfWork } from './MemoryUnitOfWork.ts';
import { createCallbackCleaner, createCallbackReader } from './memoryCallbacks.ts';
import { createDeadLetterDesk } from './memoryDeadLetters.ts';
import { createEventReader } from './memoryEvents.ts';
import { createIdempotencyCleaner } from './memoryIdempotency.ts';
import { createInboxCleaner, createInboxReader } from './memoryInbox.ts';
import { createMessageTrace } from './memoryMessageTrace.ts';
import {
  createActionReader,
  createRelaySwitchReader,
  createReplayCleaner,
  createReplayReader,
} from './memoryOperations.ts';
import { createOrderViewReader } from './memoryOrderViews.ts';
import { createOutbox, createPartitionLeases } from './memoryOutbox.ts';
import { createProcessRegister } from './memoryProcesses.ts';
import { createSnapshotReader } from './memorySnapshots.ts';
import { createMemoryState, type MemoryState } from './memoryState.ts';

export interface MemoryStoresOptions {
  /** The committed state to work on; several stores on one state are several processes on one database. */
  readonly state?: MemoryState;
  readonly clock?: Pick<Clock, 'now'>;
  /**
   * Awaited before every step of every store, with a label such as `events.append`, and around a commit
   * (`transaction.begin`, `.commit`, `.committed`). A scheduler here interleaves; a rejection here is a crash.
   */
  readonly pause?: Pause;
}

export const openMemoryStores = (options: MemoryStoresOptions = {}): Stores => {
  const state = options.state ?? createMemoryState();
  const outer = options.pause ?? (() => Promise.resolve());
  const unitOfWork = new MemoryUnitOfWork(state, options.clock ?? { now: Date.now }, outer);
  const pause: Pause = async (label) => {
    if (unitOfWork.closed) throw new StoreUnavailable('the database is closed');
    await outer(label);
  };
  return {
    unitOfWork,
    events: createEventReader(state, pause),
    snapshots: createSnapshotReader(state, pause),
    outbox: createOutbox(state, pause),
    leases: createPartitionLeases(state, pause),
    idempotencyCleaner: createIdempotencyCleaner(state, pause),
    inbox: createInboxReader(state, pause),
    inboxCleaner: createInboxCleaner(state, pause),
    deadLetters: createDeadLetterDesk(state, pause),
    processes: createProcessRegister(state, pause),
    replays: createReplayReader(state, pause),
    replayCleaner: createReplayCleaner(state, pause),
    relaySwitch: createRelaySwitchReader(state, pause),
    actions: createActionReader(state, pause),
    callbacks: createCallbackReader(state, pause),
    callbackCleaner: createCallbackCleaner(state, pause),
    orderViews: createOrderViewReader(state, pause),
    trace: createMessageTrace(state, pause),
    ping: () => pause('ping'),
    close: () => unitOfWork.close(),
  };
};
