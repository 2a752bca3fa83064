/** A row of the order list: what is searched by, and the order itself as the clients see it. */
export interface OrderViewRow {
  readonly tenant: string;
  readonly orderId: string;
  readonly version: number;
  /** The position of the order's first event: the list's order. */
  readonly firstPosition: number;
  readonly customerId: string;
  readonly status: string;
  readonly clientReference: string | null;
  /** Milliseconds since the epoch. */
  readonly placedAt: number;
  /** The order as JSON text, ready to be sent. */
  readonly document: string;
}

/**
 * A change of an order. A row keeps its `firstPosition`, whatever is said here; null, where nobody knows it, is looked
 * up.
 */
export type OrderViewChange = Omit<OrderViewRow, 'firstPosition'> & { readonly firstPosition: number | null };

export interface OrderViewWriter {
  /** Inserts or replaces rows, each order named at most once per call. */
  save(changes: readonly OrderViewChange[]): Promise<void>;
  /**
   * Puts a stretch of the list right: afterwards its rows with `after < firstPosition <= upTo` are exactly these, all
   * of which lie there, and these orders have no row elsewhere, whatever was there before. Rows that are right already are not written.
   * Returns how many were missing, wrong or too many.
   */
  replaceRange(after: number, upTo: number, rows: readonly OrderViewRow[]): Promise<number>;
  /**
   * Removes at most `limit` rows of orders that have no event in the log, only those with a `firstPosition` above
   * `after` where it is given; returns how many.
   */
  deleteOrphans(limit: number, after?: number): Promise<number>;
}

export interface OrderViewQuery {
  readonly tenant: string;
  readonly customerId?: string;
  readonly status?: string;
  readonly clientReference?: string;
  /** Milliseconds since the epoch, both exclusive. */
  readonly placedAfter?: number;
  readonly placedBefore?: number;
  /** Only rows with a smaller `firstPosition`. */
  readonly before?: number;
  readonly limit: number;
}

/** Reads committed rows only, and never waits for a writer. A view is as fresh as the last commit. */
export interface OrderViewReader {
  get(tenant: string, orderId: string): Promise<OrderViewRow | undefined>;
  /** Newest first (descending `firstPosition`), at most `limit` rows. */
  list(query: OrderViewQuery): Promise<readonly OrderViewRow[]>;
}
