interface Load {
  readonly url: string;
  /** Where to POST to: `/v1/orders` by default; callbacks go to the path of their provider. */
  readonly path?: string;
  /** Each with one request under way. */
  readonly connections: number;
}

/** Either for a time, of which the beginning does not count, or so many requests, which all count. */
export type LoadSpec =
  | (Load & { readonly seconds: number; readonly warmUpSeconds: number; readonly requests?: undefined })
  | (Load & { readonly requests: number });

export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How many answers had which status, the warm-up included. */
  readonly statuses: Readonly<Record<string, number>>;
}
