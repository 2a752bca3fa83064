import type { Operator } from './adminActions.ts';
import type { DeadLetter, DeadLetterQuery, DeadLetterSelection, RedriveJob } from './deadLetters.ts';

export interface RedriveRequest {
  readonly selection: DeadLetterSelection;
  /** Null: all of them. */
  readonly limit: number | null;
  /** Null: as fast as they go. */
  readonly ratePerSecond: number | null;
}

/**
 * What operators can do with dead letters. Every action is recorded in the transaction of its effect. All reject with
 * `StoreUnavailable` while the database is away.
 */
export interface DeadLetterService {
  /** Newest first. */
  list(query: DeadLetterQuery): Promise<readonly DeadLetter[]>;
  get(tenant: string, id: string): Promise<DeadLetter | undefined>;
  /** Asks for a job, which sends the letters back to their queues. Letters that are found later are not part of it. */
  redrive(operator: Operator, request: RedriveRequest): Promise<RedriveJob>;
  job(tenant: string, id: string): Promise<RedriveJob | undefined>;
  /** What was sent already stays sent. Undefined when there is no such job; one that has ended stays as it is. */
  cancel(operator: Operator, id: string): Promise<RedriveJob | undefined>;
  /** Gives letters up; their consumers move their gates past them. Returns how many there were. */
  discard(operator: Operator, ids: readonly string[], reason: string): Promise<number>;
}
