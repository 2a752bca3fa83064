import type { Clock } from '../../../ports/clock.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { RelaySwitchReader } from '../../../ports/relaySwitch.ts';
import type { OutboxRelay } from '../OutboxRelay.ts';
import { Rounds } from '../Rounds.ts';

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
  readonly #rounds: Rounds;
  #paused: boolean | null = null;

  constructor(options: RelaySwitchWatchOptions) {
    this.#options = options;
    this.#rounds = new Rounds(options.clock, () => this.#watch());
  }

  start(): void {
    this.#options.relay.pause();
    this.#rounds.start();
  }

  /** The switch may have been changed: looks at once. */
  wake(): void {
    this.#rounds.ring();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  async #watch(): Promise<number> {
    try {
      await this.#look();
    } catch (err) {
      this.#options.logger.warn({ err }, 'cannot see whether the relay is paused; it stays as it is');
    }
    return pollMs;
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
