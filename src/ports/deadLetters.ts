/** A message that was set aside, as it was found in a queue's dead-letter queue. */
export interface FoundDeadLetter {
  /** For the row, when the message is not known yet. */
  readonly id: string;
  readonly tenant: string;
  /** The work queue that it died in. */
  readonly queue: string;
  readonly messageId: string;
  /**
   * From a consumer: `refused` (can never succeed), `exhausted` (no attempt left), `crash` (kills the process). From
   * the broker: `rejected`, `expired`, `maxlen`, `delivery_limit`.
   */
  readonly reason: string;
  readonly error: string | null;
  readonly attempts: number;
  readonly type: string;
  /** Empty when the message could not be read. */
  readonly source: string;
  /** Null for a message outside any sequence. */
  readonly sequence: number | null;
  /** When its consumer, or else the desk, saw it first; ms since the epoch. */
  readonly firstSeen: number;
  /** Milliseconds since the epoch. */
  readonly foundAt: number;
  /** The encoded message, opaque to the store. */
  readonly message: string;
}

export interface DeadLetter extends Omit<FoundDeadLetter, 'foundAt'> {
  /** When it was found last. */
  readonly lastSeen: number;
}

export interface DeadLetterQuery {
  readonly tenant: string;
  readonly queue?: string;
  readonly reason?: string;
  readonly type?: string;
  /** Only letters with a smaller id: the older ones. */
  readonly before?: string;
  readonly limit: number;
}

/**
 * The rows of the dead-letter desk. A row is the dead letter: one per tenant, queue and message id, however often the
 * message dies or is found.
 */
export interface DeadLetterDesk {
  /**
   * Keeps what was found; durable when it resolves. A message that is known keeps its id and first sighting, and
   * gets the rest anew. Rejects with `StoreUnavailable`, and then nothing was kept.
   */
  keep(letters: readonly FoundDeadLetter[]): Promise<void>;
  /** Newest first, by id. */
  list(query: DeadLetterQuery): Promise<readonly DeadLetter[]>;
  get(tenant: string, id: string): Promise<DeadLetter | undefined>;
}
