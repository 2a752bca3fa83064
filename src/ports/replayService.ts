import type { Operator } from './adminActions.ts';
import type { OutboxBacklog } from './outbox.ts';
import type { ReplayJob } from './replays.ts';

export interface ReplayRequest {
  /** The queue's full name; it gets the messages through the exchange `orderflow.tasks`. */
  readonly queue: string;
  /** The first event to send is the one after this position. */
  readonly from: number;
  /** `<category>/<id>`; null: all there are. */
  readonly streams: readonly string[] | null;
  /** Null: as fast as they go. */
  readonly ratePerSecond: number | null;
}

export interface ReplayStatus extends ReplayJob {
  /** What of it is in the outbox and not published yet, and why, if the broker does not take it. */
  readonly waiting: OutboxBacklog;
}

/**
 * Sends history to one queue, while everything else goes on. Every action is recorded in the transaction of its
 * effect. All reject with `StoreUnavailable` while the database is away.
 */
export interface ReplayService {
  /** Asks for a job. Rejects with `UnknownStreams` where a stream that was named has no events. */
  replay(operator: Operator, request: ReplayRequest): Promise<ReplayStatus>;
  job(tenant: string, id: string): Promise<ReplayStatus | undefined>;
  /**
   * What was published already stays published; what waits in the outbox is withdrawn, so that a job from `position`
   * on sends the rest. Undefined when there is no such job; one that has ended stays as it is.
   */
  cancel(operator: Operator, id: string): Promise<ReplayStatus | undefined>;
}

export class UnknownStreams extends Error {
  readonly streams: readonly string[];

  constructor(streams: readonly string[]) {
    super(
      `There is no event of ${streams.join(', ')}. A stream is named <category>/<id>, such as orders/018f….`,
    );
    this.name = 'UnknownStreams';
    this.streams = streams;
  }
}
