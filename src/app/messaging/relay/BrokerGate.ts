import type { Publisher } from '../../../ports/broker.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Logger } from '../../../ports/logger.ts';
import { type Backoff, backoffDelay } from '../backoff.ts';

interface BrokerGateOptions {
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly backoff: Backoff;
  readonly random: () => number;
  readonly stopped: AbortSignal;
  readonly onOpen: () => void;
}

/**
 * Open while publishing makes sense. A lost message closes it for a growing time, and until the publisher is ready;
 * then one message goes first, and the others when the broker has answered it.
 */
export class BrokerGate {
  private readonly options: BrokerGateOptions;
  private opened = true;
  private losses = 0;
  /** Which opening this is: a message that was sent in an earlier one and is lost tells nothing new. */
  private era = 0;

  constructor(options: BrokerGateOptions) {
    this.options = options;
  }

  /** Looks at the publisher, too; closes when that one is not connected. */
  isOpen(): boolean {
    if (this.opened && this.options.publisher.state !== 'connected') void this.close(0);
    return this.opened;
  }

  /** The broker takes nothing from publishers. */
  get isBlocked(): boolean {
    return this.options.publisher.state === 'blocked';
  }

  get waiting(): boolean {
    return !this.opened;
  }

  /** How much may be in flight, out of the whole window. */
  window(whole: number): number {
    return this.losses > 0 ? 1 : whole;
  }

  get currentEra(): number {
    return this.era;
  }

  /** The broker answered, whatever it was. */
  answered(): void {
    if (this.losses === 0) return;
    this.options.logger.info({ losses: this.losses }, 'the broker answers again');
    this.losses = 0;
  }

  lost(era: number, reason: string): void {
    if (!this.opened || era !== this.era) return;
    this.losses += 1;
    const delay = backoffDelay(this.losses, this.options.backoff, this.options.random);
    this.options.logger.warn(
      { reason, retryInMs: delay },
      'messages were sent and not confirmed; they stay in the outbox and are sent again',
    );
    void this.close(delay);
  }

  private async close(delayMs: number): Promise<void> {
    const { clock, publisher, stopped } = this.options;
    this.opened = false;
    if (delayMs > 0) await clock.sleep(delayMs, stopped);
    await publisher.whenReady(stopped);
    if (stopped.aborted) return;
    this.era += 1;
    this.opened = true;
    this.options.onOpen();
  }
}
