import type { AdminAction } from '../../ports/adminActions.ts';
import type { CallbackRow } from '../../ports/callbacks.ts';
import type { DeadLetter, RedriveJob } from '../../ports/deadLetters.ts';
import type { RecordedEvent } from '../../ports/eventStore.ts';
import type { IdempotencyRecord } from '../../ports/idempotencyStore.ts';
import type { SeenMessage, WaitingMessage } from '../../ports/inbox.ts';
import type { OrderViewRow } from '../../ports/orderViews.ts';
import type { OutboxMessage } from '../../ports/outbox.ts';
import type { RelaySwitch } from '../../ports/relaySwitch.ts';
import type { ReplayJob } from '../../ports/replays.ts';
import type { Snapshot } from '../../ports/snapshots.ts';
import { emptyLeaseTable, type LeaseTable } from '../leaseTable.ts';

/** An event with its data as text: nobody can change what was stored, and every reader gets a copy of its own. */
export type StoredEvent = Omit<RecordedEvent, 'data'> & { readonly data: string };

/** A snapshot with its state as text, for the same reason. */
export type StoredSnapshot = Omit<Snapshot, 'state'> & { readonly state: string };

export interface OutboxRow extends OutboxMessage {
  readonly row: number;
  readonly partition: number;
  readonly addedAt: number;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly publishedAt: number | null;
  readonly setAsideReason: string | null;
}

/**
 * What was committed. It outlives the stores that work on it, as a file outlives a process: stores opened on the
 * same state after a crash find everything there.
 */
export interface MemoryState {
  /** In position order. */
  readonly log: StoredEvent[];
  /** By `streamKeyText`, in version order. */
  readonly streams: Map<string, StoredEvent[]>;
  /** By `streamKeyText`. */
  readonly snapshots: Map<string, StoredSnapshot>;
  /** Positions given out, whether committed or not. */
  lastPosition: number;
  /** By row, in row order. */
  readonly outbox: Map<number, OutboxRow>;
  lastRow: number;
  /** By `idempotencyKeyText`. */
  readonly idempotency: Map<string, IdempotencyRecord>;
  /** By `gateKeyText`. */
  readonly gates: Map<string, number>;
  /** By `gateKeyText`, then by sequence and message id. */
  readonly waiting: Map<string, ReadonlyMap<string, WaitingMessage>>;
  /** By `seenKeyText`. */
  readonly seen: Map<string, SeenMessage>;
  /** By `orderKeyText`. */
  readonly orderViews: Map<string, OrderViewRow>;
  /** By tenant, queue, source and message id. */
  readonly deadLetters: Map<string, DeadLetter>;
  /** By id. */
  readonly redriveJobs: Map<string, RedriveJob>;
  /** Beats by the process's id. */
  readonly processes: Map<string, number>;
  /** By id. */
  readonly replayJobs: Map<string, ReplayJob>;
  /** When the consumers of queues started first, by the queue's name. */
  readonly queueStarts: Map<string, number>;
  readonly adminActions: AdminAction[];
  relaySwitch: RelaySwitch;
  /** By `callbackKeyText`. */
  readonly callbacks: Map<string, CallbackRow>;
  leases: LeaseTable;
}

export const createMemoryState = (): MemoryState => ({
  log: [],
  streams: new Map(),
  snapshots: new Map(),
  lastPosition: 0,
  outbox: new Map(),
  lastRow: 0,
  idempotency: new Map(),
  gates: new Map(),
  waiting: new Map(),
  seen: new Map(),
  orderViews: new Map(),
  deadLetters: new Map(),
  redriveJobs: new Map(),
  processes: new Map(),
  replayJobs: new Map(),
  queueStarts: new Map(),
  adminActions: [],
  relaySwitch: { paused: false, changedAt: null, changedBy: null },
  callbacks: new Map(),
  leases: emptyLeaseTable,
});

export const orderKeyText = (tenant: string, orderId: string): string => `${tenant}\n${orderId}`;

export const toRecorded = (event: StoredEvent): RecordedEvent => ({
  ...event,
  data: JSON.parse(event.data) as object,
});
