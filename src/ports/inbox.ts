/** One stream of public messages as a consumer sees it. */
export interface GateKey {
  readonly consumer: string;
  readonly tenant: string;
  /** The CloudEvents `source`, for example `/orderflow/orders/018f…`. */
  readonly source: string;
}

/** Where a stream stands with its consumer. */
export interface GateState {
  /** The last sequence handled; 0 where none was. */
  readonly sequence: number;
  /**
   * False: no message of the stream is kept, whatever its state, so there is nothing to read. True says less where this
   * very transaction has dropped some.
   */
  readonly hasWaiting: boolean;
}

export interface GateMove extends GateKey {
  /** The last sequence handled from now on. */
  readonly sequence: number;
}

/**
 * A message that its consumer keeps: `held` behind a predecessor, `retrying` after a failure, `started` while a risky
 * attempt is under way (the row outlives a process that dies of it), or `dead`, set aside for an operator while its
 * successors stay held.
 */
export interface WaitingMessage extends GateKey {
  /** 0 for a message outside any sequence. */
  readonly sequence: number;
  readonly messageId: string;
  readonly type: string;
  readonly state: 'held' | 'retrying' | 'started' | 'dead';
  /** Attempts that failed. */
  readonly attempts: number;
  /** Attempts that were started and not known to have ended: each may have killed a process. */
  readonly deaths: number;
  /** When it is to be handled again, for `retrying` and `started`; ms since the epoch. */
  readonly dueAt: number;
  /** Why the last attempt failed; null when none did. */
  readonly error: string | null;
  /** Milliseconds since the epoch. */
  readonly firstSeen: number;
  /** The encoded message, opaque to the store. */
  readonly message: string;
}

/** A stretch of one stream's sequences, both ends included. */
export interface WaitingRange extends GateKey {
  readonly from: number;
  readonly to: number;
}

/** A message without a sequence: known by its source and id. */
export interface SeenMessage extends GateKey {
  readonly messageId: string;
  /** Milliseconds since the epoch. */
  readonly seenAt: number;
}

/**
 * A consumer's order gate, one row per consumer and stream: the last sequence handled. It moves in the transaction
 * of the effect, so an effect happens once and in sequence order.
 */
export interface InboxGate {
  /**
   * Where these streams stand, in the order of `keys`. The rows stay locked until the end of the transaction, also
   * those that do not exist yet: two consumers that decide about one stream take turns, or one of them fails with
   * `TransactionConflict`.
   */
  lockGates(keys: readonly GateKey[]): Promise<readonly GateState[]>;
  /** Sets gates forward. A move that is not beyond the gate fails the transaction with `TransactionConflict`. */
  moveGates(moves: readonly GateMove[]): Promise<void>;
  /** The waiting messages of these stretches, in sequence order per stream. */
  readWaiting(ranges: readonly WaitingRange[]): Promise<readonly WaitingMessage[]>;
  /** Keeps messages, or replaces the rows they have (same stream, sequence and message id). */
  saveWaiting(messages: readonly WaitingMessage[]): Promise<void>;
  /** Forgets the messages of these streams from sequence 1 up to and including the given one. */
  dropWaitingThrough(moves: readonly GateMove[]): Promise<void>;
  /** Forgets single messages outside any sequence (sequence 0). */
  dropUnsequenced(messages: readonly (GateKey & { readonly messageId: string })[]): Promise<void>;
  /** Which of these messages were seen before (indexes into `messages`). */
  findSeen(messages: readonly SeenMessage[]): Promise<readonly number[]>;
  /** Remembers messages. One seen before fails the transaction with `TransactionConflict`. */
  recordSeen(messages: readonly SeenMessage[]): Promise<void>;
}

/** What holds a consumer's stream up, and how much waits behind it. */
export interface BlockedStream extends GateKey {
  /** The sequence that is next. */
  readonly waitsFor: number;
  /** `missing`: it has not come yet; else the state of the message that has. */
  readonly because: 'missing' | WaitingMessage['state'];
  readonly messageId: string | null;
  readonly error: string | null;
  /** When it is handled again; null when no time is set. */
  readonly dueAt: number | null;
  /** How many messages wait behind it. */
  readonly held: number;
  /** Since when the first of them all has been waiting; ms since the epoch. */
  readonly since: number;
}

/** Looks at the messages that wait, outside of any transaction: committed rows only. */
export interface InboxReader {
  /**
   * Messages of a consumer to be handled now, at most `limit`, longest due first: `retrying` and `started` ones whose
   * time has come.
   */
  due(consumer: string, now: number, limit: number): Promise<readonly WaitingMessage[]>;
  /** The earliest time at which one will be due; null when none is waiting for a time. */
  nextDueAt(consumer: string): Promise<number | null>;
  /** `held` messages whose predecessor was handled, so that nobody is left to wake them; at most `limit`. */
  stranded(consumer: string, limit: number): Promise<readonly WaitingMessage[]>;
  /** The streams of a tenant in which messages are held, those that wait longest first; at most `limit`. */
  blocked(tenant: string, limit: number): Promise<readonly BlockedStream[]>;
}

export interface InboxCleaner {
  /** Deletes at most `limit` seen-message rows older than `before` (ms since the epoch); gates are kept. */
  deleteSeenBefore(before: number, limit: number): Promise<number>;
}

/** Unambiguous, because no consumer and no tenant holds a NUL. */
export const gateKeyText = (key: GateKey): string => `${key.consumer}\0${key.tenant}\0${key.source}`;
