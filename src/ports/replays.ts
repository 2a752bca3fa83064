/**
 * Sends history from the event log to one queue, page by page; a row, so that it goes on after a restart. Positions
 * are those of the log, and each names the last event that it includes.
 */
export interface ReplayJob {
  readonly id: string;
  readonly tenant: string;
  /** The queue's full name. */
  readonly queue: string;
  /** Only these streams, `<category>/<id>`; null: all of them. */
  readonly streams: readonly string[] | null;
  /** The first event to send is the one after this position. */
  readonly from: number;
  /** The newest event when the job was asked for: what is committed later goes the usual way. */
  readonly until: number;
  /** Everything up to here is published. */
  readonly position: number;
  /** Everything up to here is published or in the outbox. */
  readonly underway: number;
  /** How many messages went into the outbox. */
  readonly sent: number;
  readonly ratePerSecond: number | null;
  /** The next page may go out at this time (ms since the epoch), whoever sends it. */
  readonly nextStepAt: number;
  readonly state: 'running' | 'done' | 'cancelled';
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly createdBy: string;
  /** When it was done or cancelled; null while it runs. */
  readonly endedAt: number | null;
}

export interface ReplayReader {
  job(tenant: string, id: string): Promise<ReplayJob | undefined>;
  /** Of all tenants, oldest first. */
  runningJobs(): Promise<readonly ReplayJob[]>;
}

/** Works inside a unit of work: a job moves on together with the messages that it puts into the outbox. */
export interface ReplayKeeper {
  /** What was read still holds at commit. */
  findJob(tenant: string, id: string): Promise<ReplayJob | undefined>;
  /** Keeps a job, or replaces it. */
  saveJob(job: ReplayJob): Promise<void>;
  /** Records that a queue's consumer has started; false when that was recorded before. */
  recordStart(queue: string, at: number): Promise<boolean>;
}

export interface ReplayCleaner {
  /** Deletes at most `limit` jobs that ended before `before`, the first ones first, and returns how many. */
  deleteEndedBefore(before: number, limit: number): Promise<number>;
}
