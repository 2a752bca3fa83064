export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * Between attempts to connect to the broker. Capped at a second, because an attempt costs a broker little, and one that
 * is back shall be in use within two seconds: `npm run bench -- --only recovery`.
 */
export const reconnectBackoff: Backoff = { baseMs: 200, capMs: 1_000 };

/**
 * How long to wait before attempt `attempt` (from 0): exponential, capped, with full jitter, so that many instances
 * do not come back in step (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export const fullJitter = ({ baseMs, capMs }: Backoff, attempt: number, random: () => number): number =>
  random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
