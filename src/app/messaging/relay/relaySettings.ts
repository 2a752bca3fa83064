import type { Backoff } from '../backoff.ts';

export interface RelaySettings {
  /** Messages sent and not yet answered, at most. In memory are four times as many at most. */
  readonly window: number;
  /** How often the outbox is looked at without any cause: the safety net for a wake-up that was missed. */
  readonly pollMs: number;
  readonly leaseTtlMs: number;
  /** Confirmed messages are marked as soon as there are so many, ... */
  readonly markBatch: number;
  /** ... or the first of them has waited so long, or nothing else is in flight. */
  readonly markDelayMs: number;
  /** Between attempts to reach a broker or a database that does not answer: each is a single message or statement. */
  readonly outageBackoff: Backoff;
  /** Between attempts for one message that the broker refuses. */
  readonly messageBackoff: Backoff;
  /** Length of all payloads in memory, about, in characters. */
  readonly maxPayloads: number;
}

export const defaultRelaySettings: RelaySettings = {
  window: 1000,
  pollMs: 1000,
  leaseTtlMs: 10_000,
  markBatch: 500,
  markDelayMs: 10,
  outageBackoff: { firstMs: 100, maxMs: 1_000 },
  messageBackoff: { firstMs: 200, maxMs: 60_000 },
  maxPayloads: 64 * 1024 * 1024,
};
