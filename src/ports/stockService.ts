import type { StockDocument } from '../domain/inventory/stock.ts';
import type { DomainError } from '../domain/shared/domainError.ts';
import type { Cause, CommandResult, Repeatable, Wrote } from './commands.ts';

export interface StockRequest {
  readonly cause: Cause;
  readonly sku: string;
  readonly onHand: number;
  /** ISO 8601. */
  readonly at: string;
  /** The count is set only at one of these versions, so at none when empty. */
  readonly ifMatch?: readonly number[];
  readonly repeatable?: Repeatable<StockOutcome>;
  /** About how much memory the request takes while it waits. */
  readonly bytes?: number;
}

/** `version` counts everything that has moved the count, so that it changes whenever the document does. */
export interface VersionedStock {
  readonly version: number;
  readonly stock: StockDocument;
}

export type StockOutcome =
  | ({ readonly kind: 'accepted' } & VersionedStock)
  | { readonly kind: 'version_mismatch'; readonly actual: number }
  | { readonly kind: 'refused'; readonly error: DomainError };

/** What the edges may ask about stock. Reserving and releasing is nobody's command: it follows the orders. */
export interface StockService {
  /** Sets what is on hand. Resolves after the durable commit. Rejects with `Overloaded` or `StoreUnavailable`. */
  set(request: StockRequest): Promise<CommandResult<StockOutcome>>;
  /** As with orders: whether the broker has confirmed what a command wrote, waiting at most `timeoutMs`. */
  published(tenant: string, wrote: Wrote, timeoutMs: number): Promise<boolean>;
  /** Undefined when the SKU was never counted. */
  get(tenant: string, sku: string): Promise<VersionedStock | undefined>;
}
