export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * Milliseconds to wait before the given attempt (1 is the first repetition): doubles up to `maxMs`, and the upper
 * half of it is random, so that many who failed together do not come back together. `random` is from 0 up to 1.
 */
export const backoffDelay = (attempt: number, backoff: Backoff, random: () => number): number => {
  const full = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full / 2 + (full / 2) * random());
};
