import type { Clock } from '../../ports/clock.ts';

/**
 * Lets one loop rest until somebody rings or a time has passed. A ring that finds nobody at rest ends the next rest
 * at once, so that none is missed.
 */
export class Bell {
  private readonly clock: Clock;
  private rung = false;
  private resting: AbortController | null = null;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  ring(): void {
    this.rung = true;
    this.resting?.abort();
  }

  /** For one caller at a time. */
  async rest(ms: number): Promise<void> {
    if (!this.rung && ms > 0) {
      this.resting = new AbortController();
      await this.clock.sleep(ms, this.resting.signal);
      this.resting = null;
    }
    this.rung = false;
  }
}
