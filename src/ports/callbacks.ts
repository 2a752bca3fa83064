/** Who sent a callback and under which id: the same id again is the same callback. */
export interface CallbackKey {
  readonly tenant: string;
  readonly provider: string;
  /** The sender's, 1..255 visible ASCII characters. */
  readonly callbackId: string;
}

/**
 * What became of a callback: `applied` to the stream it concerns; `parked` until that stream exists; `invalid`, signed
 * but not understood; `ignored`, understood and no concern of ours.
 */
export const callbackStates = ['applied', 'parked', 'invalid', 'ignored'] as const;
export type CallbackState = (typeof callbackStates)[number];

/** A verified callback as it came. Times are milliseconds since the epoch. */
export interface CallbackRow extends CallbackKey {
  /** Ours; ids are time-ordered. */
  readonly id: string;
  readonly state: CallbackState;
  /** The stream that it concerns, for example `orders/018f…`; null when it is not known. */
  readonly stream: string | null;
  /** What it says, in words of ours, as JSON; null when it was not understood. */
  readonly fact: string | null;
  /** Why it is invalid or ignored; else null. */
  readonly error: string | null;
  readonly receivedAt: number;
  /** Null unless it was applied. */
  readonly appliedAt: number | null;
  readonly correlationId: string;
  readonly traceparent: string | null;
  /** The bytes that were signed, in base64. */
  readonly body: string;
}

/** Callbacks within the transaction of their effect. */
export interface CallbackInbox {
  /**
   * The states of those that are known, in any order. What is not known here, and what state the others have, still
   * holds at commit: of two transactions that meet one callback, the later one sees what the first has made of it or
   * fails with `TransactionConflict`.
   */
  find(keys: readonly CallbackKey[]): Promise<readonly (CallbackKey & { readonly state: CallbackState })[]>;
  /** Keeps callbacks, or replaces the rows they have (same key). To be found first. */
  save(rows: readonly CallbackRow[]): Promise<void>;
}

export interface CallbackQuery {
  readonly tenant: string;
  readonly state?: CallbackState;
  readonly provider?: string;
  /** Only rows with a lower id. */
  readonly before?: string;
  readonly limit: number;
}

/** Looks at callbacks outside of any transaction: committed rows only. */
export interface CallbackReader {
  /** Newest first. */
  list(query: CallbackQuery): Promise<readonly CallbackRow[]>;
  get(tenant: string, id: string): Promise<CallbackRow | undefined>;
  /** `parked` rows of all tenants whose stream exists by now, with an id above `after`, oldest first. */
  ready(after: string, limit: number): Promise<readonly CallbackRow[]>;
}

export interface CallbackCleaner {
  /**
   * Deletes at most `limit` rows that were received before `before`, the oldest first, and returns how many. Parked
   * ones stay: what they say has not been heard yet.
   */
  deleteReceivedBefore(before: number, limit: number): Promise<number>;
}

export const callbackKeyText = ({ tenant, provider, callbackId }: CallbackKey): string =>
  `${tenant}\n${provider}\n${callbackId}`;
