import type { CallbackService } from '../../ports/callbackService.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeadLetterService } from '../../ports/deadLetterService.ts';
import type { Ids } from '../../ports/ids.ts';
import type { InboxReader } from '../../ports/inbox.ts';
import type { Logger } from '../../ports/logger.ts';
import type { LoyaltyService } from '../../ports/loyaltyService.ts';
import type { NotificationService } from '../../ports/notificationService.ts';
import type { OperationsService } from '../../ports/operations.ts';
import type { CommitWatch, OrderService } from '../../ports/orderService.ts';
import type { ReplayService } from '../../ports/replayService.ts';
import type { StockService } from '../../ports/stockService.ts';
import type { CallbackProvider } from './callbacks/CallbackScheme.ts';
import type { OutageLog } from './OutageLog.ts';
import type { RateLimiter } from './RateLimiter.ts';

/** What the HTTP edge needs of the rest of the program. */
export interface HttpDeps {
  readonly orders: OrderService;
  readonly stock: StockService;
  readonly commits: CommitWatch;
  readonly deadLetters: DeadLetterService;
  readonly operations: OperationsService;
  readonly replays: ReplayService;
  readonly callbacks: CallbackService;
  /** By the name in their path. */
  readonly callbackProviders: ReadonlyMap<string, CallbackProvider>;
  readonly loyalty: LoyaltyService;
  readonly notifications: NotificationService;
  readonly inbox: Pick<InboxReader, 'blocked'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly health: {
    /** Whether the database answers. May be slow, and may reject: both count as no. */
    ping(): Promise<boolean>;
    /** Whether the service has begun to stop: new requests are then answered 503. */
    draining(): boolean;
  };
}

/** Times are milliseconds. */
export interface HttpLimits {
  /** Before and after decompression. */
  readonly maxBodyBytes: number;
  readonly maxCallbackBytes: number;
  /** Per provider and address: callbacks that are not genuine and are told so; 0 is no limit. */
  readonly callbackFailuresPerMinute: number;
  readonly maxHeaderBytes: number;
  /** A client must have sent its headers, and the whole request, within these. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** How long an idle connection is kept: longer than the idle timeout of the proxies in front. */
  readonly keepAliveTimeoutMs: number;
  /** A connection on which nothing moves for so long while it is in use, such as an answer nobody reads, is cut. */
  readonly socketTimeoutMs: number;
  /** Connections beyond are closed unanswered: the last line, far above what is ever waiting to be written. */
  readonly maxConnections: number;
  /** Event streams at once. */
  readonly maxStreams: number;
  readonly streamHeartbeatMs: number;
  /** How long a stream rests after it was woken, so that many small commits make one page. */
  readonly streamPauseMs: number;
  /** From one look at the certificate's files to the next. */
  readonly certificatePollMs: number;
  /** How long the rest of a refused body is read and thrown away, so that the client gets to read its answer. */
  readonly lingerMs: number;
}

export const defaultHttpLimits: HttpLimits = {
  maxBodyBytes: 256 * 1024,
  maxCallbackBytes: 64 * 1024,
  callbackFailuresPerMinute: 3_000,
  maxHeaderBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  socketTimeoutMs: 120_000,
  maxConnections: 10_000,
  maxStreams: 200,
  streamHeartbeatMs: 15_000,
  streamPauseMs: 10,
  certificatePollMs: 5_000,
  lingerMs: 1_000,
};

/** What all requests of one server share. */
export interface Edge {
  readonly deps: HttpDeps;
  readonly limits: HttpLimits;
  readonly callbackFailures: RateLimiter;
  readonly outage: OutageLog;
  /** Fires when the server starts to close: streams end, and connections are closed after their answer. */
  readonly closing: AbortSignal;
}
