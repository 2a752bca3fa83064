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
  /** False: larger than what goes back to a queue. A redrive leaves it where it is. */
  readonly redrivable: boolean;
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

/** Which dead letters an action is about: those of these ids, or all that match. */
export interface DeadLetterSelection {
  readonly ids?: readonly string[];
  readonly queue?: string;
  readonly reason?: string;
  readonly type?: string;
  /** Only those that a redrive can send back, or only those that it cannot. */
  readonly redrivable?: boolean;
}

/** Sends dead letters back to their queues, step by step; a row, so that it goes on after a restart. */
export interface RedriveJob {
  /** Time-ordered: letters with a greater id were found after the job was asked for, and are not its business. */
  readonly id: string;
  readonly tenant: string;
  readonly selection: DeadLetterSelection;
  readonly limit: number | null;
  readonly ratePerSecond: number | null;
  /** How many letters there were to redrive when the job was asked for. */
  readonly total: number;
  readonly done: number;
  /** How many letters of the selection stay where they are, because they are too large to be sent back. */
  readonly skipped: number;
  readonly state: 'running' | 'done' | 'cancelled';
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly createdBy: string;
  /** When it was done or cancelled; null while it runs. */
  readonly endedAt: number | null;
}

/**
 * Works inside a unit of work: a letter comes to the desk together with what becomes of the message that it was, and
 * leaves it together with the message that it becomes, or not at all.
 */
export interface DeadLetterTaker {
  /** Removes the oldest letters of the selection, at most `limit`, with ids below `before`; returns them by id. */
  take(query: {
    readonly tenant: string;
    readonly selection: DeadLetterSelection;
    readonly before: string;
    readonly limit: number;
  }): Promise<readonly DeadLetter[]>;
  /** As the desk does, for what cannot go there through the broker. */
  keep(letters: readonly FoundDeadLetter[]): Promise<void>;
  findJob(tenant: string, id: string): Promise<RedriveJob | undefined>;
  /** Keeps a job, or replaces it. */
  saveJob(job: RedriveJob): Promise<void>;
}

/**
 * The rows of the dead-letter desk. A row is the dead letter: one per tenant, queue, source and message id, however often
 * the message dies or is found. An id alone tells nothing: it is unique within its source.
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
  count(tenant: string, selection: DeadLetterSelection): Promise<number>;
  job(tenant: string, id: string): Promise<RedriveJob | undefined>;
  /** Of all tenants, oldest first. */
  runningJobs(): Promise<readonly RedriveJob[]>;
  /** Deletes at most `limit` jobs that ended before `before`, the first ones first, and returns how many. */
  deleteJobsEndedBefore(before: number, limit: number): Promise<number>;
}
