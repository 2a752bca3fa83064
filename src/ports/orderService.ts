import type { OrderCommand } from '../domain/orders/orderCommands.ts';
import type { OrderDocument } from '../domain/orders/orderDocument.ts';
import type { DomainError } from '../domain/shared/domainError.ts';
import type { Cause, CommandResult, Repeatable, Wrote } from './commands.ts';
import type { OrderViewQuery, OrderViewRow } from './orderViews.ts';

export interface OrderRequest {
  readonly cause: Cause;
  readonly orderId: string;
  readonly command: OrderCommand;
  /** The command runs only at one of these versions, so at none when empty. Ignored by `PlaceOrder`. */
  readonly ifMatch?: readonly number[];
  readonly repeatable?: Repeatable<OrderOutcome>;
  /** About how much memory the request takes while it waits; bounded over all that wait. */
  readonly bytes?: number;
}

export type OrderOutcome =
  | { readonly kind: 'accepted'; readonly order: OrderDocument }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'version_mismatch'; readonly actual: number }
  | { readonly kind: 'refused'; readonly error: DomainError };

/** One event as clients see it: `type` and `data` are those of the public message, not the stored shape. */
export interface HistoryItem {
  readonly orderId: string;
  readonly version: number;
  readonly position: number;
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly data: object;
  readonly correlationId: string;
  readonly causationId: string;
}

export interface FeedPage {
  readonly items: readonly HistoryItem[];
  /** Where to read on; equal to the position asked for when nothing new is there. */
  readonly position: number;
}

/** What the edges may ask of the application: all commands and queries about orders on one screen. */
export interface OrderService {
  /** Resolves after the durable commit. Rejects with `Overloaded` or `StoreUnavailable`; then repeat it. */
  submit(request: OrderRequest): Promise<CommandResult<OrderOutcome>>;
  /**
   * Whether the broker has confirmed everything a command wrote, waiting for it at most `timeoutMs`. A command that
   * wrote nothing has nothing to wait for: false.
   */
  published(tenant: string, wrote: Wrote, timeoutMs: number): Promise<boolean>;

  /** Undefined when there is no such order. The row's `document` is the order as JSON text. */
  get(tenant: string, orderId: string): Promise<OrderViewRow | undefined>;
  /** The order as it was at a version; undefined when it has no such version. */
  getAt(tenant: string, orderId: string, version: number): Promise<OrderDocument | undefined>;
  list(query: OrderViewQuery): Promise<readonly OrderViewRow[]>;
  /** Undefined when there is no such order. */
  history(tenant: string, orderId: string): Promise<readonly HistoryItem[] | undefined>;
  /** Order events of the tenant after a position, over all orders. Looks at `limit` stored events at most. */
  feed(tenant: string, after: number, limit: number): Promise<FeedPage>;
  /** The position of the newest event of all. */
  lastPosition(): Promise<number>;
}

/** Tells that something was committed. Count first, then look, then wait: no commit is missed in between. */
export interface CommitWatch {
  /** Grows with every commit of this process. */
  readonly count: number;
  /** Resolves after a commit since `count`, after `timeoutMs`, or when `abort` fires; never rejects. */
  changedSince(count: number, timeoutMs: number, abort: AbortSignal): Promise<void>;
}
