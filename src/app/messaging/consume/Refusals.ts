import { type Backoff, backoffDelay } from '../backoff.ts';

const backoff: Backoff = { firstMs: 250, maxMs: 60_000 };
/** A bound, not a measure: beyond it all begin anew. */
const maxKnown = 10_000;

/**
 * The messages that the database refuses, whatever is done with them: nothing of ours can keep, handle or set them
 * aside, until somebody mends what is wrong. They are tried again ever more seldom.
 */
export class Refusals {
  readonly #times = new Map<string, number>();

  /** How long to wait before the message is tried again, in ms. */
  count(message: string, random: () => number): number {
    const times = (this.#times.get(message) ?? 0) + 1;
    if (this.#times.size >= maxKnown) this.#times.clear();
    this.#times.set(message, times);
    return backoffDelay(times, backoff, random);
  }

  forget(message: string): void {
    this.#times.delete(message);
  }
}
