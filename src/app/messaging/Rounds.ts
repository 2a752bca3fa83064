import type { Clock } from '../../ports/clock.ts';
import { Bell } from './Bell.ts';

/** Work that is done round after round, with a rest in between, until it is stopped. */
export class Rounds {
  readonly #bell: Bell;
  readonly #round: () => Promise<number>;
  readonly #stopping = new AbortController();
  #going: Promise<void> = Promise.resolve();

  /** A round resolves to the ms to rest after it, and never rejects. */
  constructor(clock: Clock, round: () => Promise<number>) {
    this.#bell = new Bell(clock);
    this.#round = round;
  }

  /** Aborts when no further round is wanted: what may be cut short within one goes by it. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** The first round begins at once. */
  start(): void {
    this.#going = this.#go();
  }

  /** Ends the rest, or skips the next one. */
  ring(): void {
    this.#bell.ring();
  }

  /** Resolves after the round under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#bell.ring();
    await this.#going;
  }

  async #go(): Promise<void> {
    while (!this.stopping.aborted) await this.#bell.rest(await this.#round());
  }
}
