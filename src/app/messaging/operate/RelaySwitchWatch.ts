import type { Clock } from '../../../ports/clock.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { RelaySwitchReader } from '../../../ports/relaySwitch.ts';
import { Bell } from '../Bell.ts';
import type { OutboxRelay } from '../OutboxRelay.ts';

export interface RelaySwitchWatchOptions {
  readonly relaySwitch: RelaySwitchReader;
  readonly relay: Pick<OutboxRelay, 'pause' | 'resume'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often the switch is looked at without any cause: the safety net for a hint that was missed. */
const pollMs = 1_000;

/** Holds a relay to the switch in the database. Until that was read the relay is paused. */
export class RelaySwitchWatch {
  readonly #options: RelaySwitchWatchOptions;
  readonly #bell: Bell;
  readonly #stopping = new AbortController();
  #paused: boolean | null = null;
  #watching: Promise<void> = Promise.resolve();

  constructor(options: RelaySwitchWatchOptions) {
    this.#options = options;
    this.#bell = new Bell(options.clock);
  }

  start(): void {
    this.#options.relay.pause();
    this.#watching = this.#watch();
  }

  /** The switch may have been changed: looks at once. */
  wake(): void {
    this.#bell.ring();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#bell.ring();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { logger } = this.#options;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#look();
      } catch (err) {
        logger.warn({ err }, 'cannot see whether the relay is paused; it stays as it is');
      }
      await this.#bell.rest(pollMs);
    }
  }

  async #look(): Promise<void> {
    const { relaySwitch, relay, logger } = this.#options;
    const { paused, changedBy } = await relaySwitch.read();
    if (paused === this.#paused) return;
    if (paused) relay.pause();
    else relay.resume();
    if (paused || this.#paused !== null)
      logger.info({ by: changedBy }, paused ? 'the relay is paused' : 'the relay goes on');
    this.#paused = paused;
  }
}
