interface Bucket {
  readonly tokens: number;
  /** When it was so full; ms since the epoch. */
  readonly at: number;
}

/** So many callers are remembered; of more, those that were quiet longest are forgotten. */
const maxKeys = 10_000;
const minute = 60_000;

/**
 * How often each caller may do something: a bucket per caller that fills evenly, and holds what a minute gives. Takes
 * no more memory however many callers there are.
 */
export class RateLimiter {
  readonly perMinute: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** 0 is no limit. */
  constructor(perMinute: number, now: () => number) {
    this.perMinute = perMinute;
    this.#now = now;
  }

  /** Returns 0 when the caller may, else in how many seconds it may again. */
  take(caller: string): number {
    if (this.perMinute === 0) return 0;
    const at = this.#now();
    const before = this.#buckets.get(caller) ?? { tokens: this.perMinute, at };
    const filled = (Math.max(0, at - before.at) / minute) * this.perMinute;
    const tokens = Math.min(this.perMinute, before.tokens + filled);
    const allowed = tokens >= 1;
    // Anew at the end: the first in the map is the one that was quiet longest.
    this.#buckets.delete(caller);
    this.#buckets.set(caller, { tokens: allowed ? tokens - 1 : tokens, at });
    this.#forgetQuietest();
    return allowed ? 0 : Math.ceil(((1 - tokens) / this.perMinute) * (minute / 1000));
  }

  #forgetQuietest(): void {
    if (this.#buckets.size <= maxKeys) return;
    for (const caller of this.#buckets.keys()) {
      this.#buckets.delete(caller);
      return;
    }
  }
}
