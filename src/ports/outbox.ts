/** The exchanges of the message contract, by their short names; the prefix is the adapter's business. */
export type ExchangeName = 'events' | 'tasks' | 'broadcast' | 'audit' | 'dead';

export interface OutboxMessage {
  /** The message id, also the event's id. */
  readonly id: string;
  readonly tenant: string;
  /** The CloudEvents `source`: messages of one tenant and source leave in the order of their sequence. */
  readonly source: string;
  /**
   * Counts the source's messages without gaps, from 1 where it does not begin in the midst of a history. A message
   * outside any sequence has a source of its own.
   */
  readonly sequence: number;
  readonly type: string;
  readonly exchange: ExchangeName;
  readonly routingKey: string;
  /** The encoded envelope. */
  readonly payload: string;
  readonly traceparent: string | null;
  /** Not before this time (ms since the epoch); 0 is at once. */
  readonly dueAt: number;
  /** Beyond those that every message has. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Works inside a unit of work: messages are stored with the events they tell of, or not at all. */
export interface OutboxWriter {
  /** Messages of one source must be added in sequence order. */
  add(messages: readonly OutboxMessage[]): Promise<void>;
  /**
   * Removes the unpublished messages of all sources that begin with the prefix, which ends in `/`. A relay that has
   * some of them in hand may still publish those. Returns how many.
   */
  withdraw(tenant: string, sourcePrefix: string): Promise<number>;
  /** Offers every message that was set aside again, and those that are put off at once; returns how many. */
  retryAll(): Promise<number>;
}

/** A place in the outbox's reading order. */
export interface OutboxCursor {
  readonly dueAt: number;
  readonly row: number;
}

/** The messages of a source up to and including `sequence`. */
export type SourcePlace = Pick<OutboxMessage, 'tenant' | 'source' | 'sequence'>;

export interface PendingMessage extends OutboxMessage {
  /** The row's number in the outbox. */
  readonly row: number;
  readonly partition: number;
  /** Publish attempts that were the message's own failures (nack, return). */
  readonly attempts: number;
  /** The lowest unpublished sequence of the source: this message may go only when that one is it, or has gone. */
  readonly headSequence: number;
}

export interface Lease {
  readonly partition: number;
  /** Grows by one with every change of owner. */
  readonly fence: number;
}

export interface OutboxStats {
  /** To be published now: those held, set aside, or not due before a time still to come are not included. */
  readonly pending: number;
  /** Waiting behind a message of their source that was set aside. */
  readonly held: number;
  readonly setAside: number;
  /** Since the oldest of the pending was added, or, where it was not to go before some time, since that time. */
  readonly oldestPendingAgeSeconds: number | null;
}

/** The messages of some sources that are not published yet. */
export interface OutboxBacklog {
  readonly unpublished: number;
  /** Why one of them was refused last; null when none was. */
  readonly error: string | null;
}

export interface SetAsideMessage {
  readonly id: string;
  readonly source: string;
  readonly sequence: number;
  readonly type: string;
  readonly reason: string;
}

/**
 * The outbox as the relay sees it. Rows are published, unpublished, or set aside (unpublished, with a reason, never
 * offered again until an operator retries it).
 */
export interface Outbox {
  /**
   * At most `limit` unpublished messages that are due at `now` and not set aside, of the given partitions, ordered
   * by (dueAt, row) and after the cursor where one is given.
   */
  readDue(query: {
    readonly partitions: readonly number[];
    readonly now: number;
    readonly limit: number;
    readonly after?: OutboxCursor;
  }): Promise<readonly PendingMessage[]>;
  /**
   * Marks rows as published, durably. Rows of a partition whose lease (same owner and fence) is no longer held, and
   * rows that are marked already, stay as they are. Returns the number of rows changed.
   */
  markPublished(
    rows: readonly number[],
    at: number,
    owner: string,
    leases: readonly Lease[],
  ): Promise<number>;
  /** Puts rows off until `dueAt`, setting their attempts and last error; fenced like `markPublished`. */
  postpone(
    rows: readonly {
      readonly row: number;
      readonly dueAt: number;
      readonly attempts: number;
      readonly error: string;
    }[],
    owner: string,
    leases: readonly Lease[],
  ): Promise<void>;
  /** Sets a row aside with its reason; fenced like `markPublished`. */
  setAside(row: number, reason: string, owner: string, leases: readonly Lease[]): Promise<void>;
  /** The messages that were set aside, oldest first. */
  listSetAside(limit: number): Promise<readonly SetAsideMessage[]>;
  /** The earliest due time above `now` among unpublished messages that are not set aside; null when there is none. */
  nextDueAt(now: number): Promise<number | null>;
  /**
   * Of which places everything is published, or was and is cleaned up: indexes into `places`, ascending. One question
   * to the database, however many places.
   */
  findPublished(places: readonly SourcePlace[]): Promise<readonly number[]>;
  stats(now: number): Promise<OutboxStats>;
  /** About all sources that begin with the prefix, which ends in `/`. */
  backlog(tenant: string, sourcePrefix: string): Promise<OutboxBacklog>;
  /** When messages were last marked as published, in ms since the epoch; null when no such message is kept. */
  lastPublishedAt(): Promise<number | null>;
  /** Deletes at most `limit` rows published before `before`, oldest first; returns how many. */
  deletePublishedBefore(before: number, limit: number): Promise<number>;
}

/**
 * Which relay serves which partition. A lease is a row with an owner, an expiry and a fence; of all relays that
 * renewed lately each gets its fair share.
 */
export interface PartitionLeases {
  /**
   * Tells that `owner` lives, extends its leases to `now + ttlMs`, and takes free or expired partitions up to its
   * fair share: all partitions ÷ living owners, rounded up. `excess` is how many it holds beyond that share and
   * should release once nothing of them is in flight.
   */
  renew(
    owner: string,
    now: number,
    ttlMs: number,
  ): Promise<{ readonly held: readonly Lease[]; readonly excess: number }>;
  /** Gives up these partitions, or with `all` everything including the sign of life. Not holding them is no error. */
  release(owner: string, partitions: readonly number[] | 'all'): Promise<void>;
  /**
   * Ends the leases of everybody, and their signs of life: for a process that knows that no other works on this database,
   * so that it need not wait for the leases of a dead one.
   */
  releaseAll(): Promise<void>;
}

/** Fixed for the life of a database: the partition is stored with each row. */
export const partitionCount = 16;
