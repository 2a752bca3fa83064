/** A key is scoped to its tenant and caller: two callers may use the same key without meeting. */
export interface IdempotencyKey {
  readonly tenant: string;
  readonly caller: string;
  readonly key: string;
}

export interface IdempotencyRecord extends IdempotencyKey {
  /** Identifies the request: the same key with another fingerprint is a misuse. */
  readonly fingerprint: string;
  /** What the first request was answered, opaque to the store and given back unchanged. */
  readonly answer: string;
  /** The last public message of the command, by its stream and sequence; null when it published nothing. */
  readonly wrote: { readonly stream: string; readonly sequence: number } | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** Works inside a unit of work: the record is written in the command's own transaction, or not at all. */
export interface IdempotencyKeeper {
  /** The records that exist among `keys`, in no special order. */
  find(keys: readonly IdempotencyKey[]): Promise<readonly IdempotencyRecord[]>;
  /**
   * Stores new records. If one of the keys exists by now the whole transaction fails with `TransactionConflict`;
   * a first answer is never overwritten.
   */
  save(records: readonly IdempotencyRecord[]): Promise<void>;
}

export interface IdempotencyCleaner {
  /** Deletes at most `limit` records created before `before` (ms since the epoch), oldest first; returns how many. */
  deleteOlderThan(before: number, limit: number): Promise<number>;
}

export const idempotencyKeyText = (key: IdempotencyKey): string => `${key.tenant}\n${key.caller}\n${key.key}`;
