import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';

const quietMs = 10_000;

/**
 * Tells of requests that were refused because the database is away: thousands a second may be, so of the first at once,
 * and then every ten seconds of one, and how many there were since. The others are logged at `debug`.
 */
export class OutageLog {
  private readonly clock: Clock;
  private readonly logger: Logger;
  private toldAt = Number.NEGATIVE_INFINITY;
  private untold = 0;

  constructor(clock: Clock, logger: Logger) {
    this.clock = clock;
    this.logger = logger;
  }

  refused(fields: object): void {
    const now = this.clock.now();
    // The wall clock may be set back.
    const quiet = Math.abs(now - this.toldAt) < quietMs;
    const text = 'a request was refused: the database is away';
    if (quiet) {
      this.untold += 1;
      this.logger.debug(fields, text);
      return;
    }
    this.logger.warn({ ...fields, othersSince: this.untold }, text);
    this.toldAt = now;
    this.untold = 0;
  }
}
