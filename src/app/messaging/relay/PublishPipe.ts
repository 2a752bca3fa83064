import type { Publisher, PublishOutcome } from '../../../ports/broker.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { ExchangeName, PendingMessage } from '../../../ports/outbox.ts';
import { type Backoff, backoffDelay } from '../backoff.ts';
import type { BrokerGate } from './BrokerGate.ts';
import type { Lane, Lanes } from './Lanes.ts';
import type { OutcomeWriter } from './OutcomeWriter.ts';
import { toPublication } from './toPublication.ts';

interface PublishPipeOptions {
  readonly lanes: Lanes;
  readonly gate: BrokerGate;
  readonly writer: OutcomeWriter;
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly window: number;
  readonly messageBackoff: Backoff;
  readonly random: () => number;
  readonly isMandatory: (exchange: ExchangeName, routingKey: string) => boolean;
  readonly maySend: (partition: number) => boolean;
  readonly isPaused: () => boolean;
  /** A message of the lane was answered, or lost. */
  readonly onAnswer: (lane: Lane) => void;
}

const refusalLogMs = 10_000;

/**
 * Keeps the broker busy: sends whenever something new came or a message was answered, so that no loop and no timer
 * stands between two messages.
 */
export class PublishPipe {
  private readonly options: PublishPipeOptions;
  private redeclaring = false;
  private refusals = 0;
  private refusalLoggedAt = Number.NEGATIVE_INFINITY;
  private ending = false;

  constructor(options: PublishPipeOptions) {
    this.options = options;
  }

  /** Sends what may go, as far as the window allows. */
  send(): void {
    const { lanes, gate, maySend, isPaused } = this.options;
    const window = gate.window(this.options.window);
    if (lanes.inFlight >= window || this.ending || isPaused() || !gate.isOpen()) return;
    while (lanes.inFlight < window) {
      const lane = lanes.nextToSend(maySend);
      if (lane === undefined) return;
      this.publish(lane);
    }
  }

  /** Sends nothing from now on. */
  end(): void {
    this.ending = true;
  }

  private publish(lane: Lane): void {
    const { publisher, clock, gate, isMandatory } = this.options;
    const message = lane.queue[0];
    if (message === undefined) throw new Error(`lane ${lane.key} has nothing to send`);
    const era = gate.currentEra;
    const mandatory = isMandatory(message.exchange, message.routingKey);
    publisher.publish(toPublication(message, mandatory, clock.now())).then(
      (outcome) => this.answered(lane, outcome, era),
      (failure: unknown) => this.answered(lane, { kind: 'lost', reason: String(failure) }, era),
    );
  }

  private answered(lane: Lane, outcome: PublishOutcome, era: number): void {
    const { lanes, gate, writer, onAnswer } = this.options;
    if (outcome.kind === 'lost') {
      lanes.unanswered(lane);
      gate.lost(era, outcome.reason);
    } else {
      gate.answered();
      const message = lanes.answered(lane);
      if (outcome.kind === 'confirmed') writer.markPublished(lane, message);
      else if (outcome.kind === 'unpublishable') this.setAside(lane, message, outcome.reason);
      else this.putOff(lane, message, outcome);
    }
    onAnswer(lane);
    this.send();
    if (lanes.inFlight === 0) writer.idle();
  }

  private putOff(
    lane: Lane,
    message: PendingMessage,
    outcome: PublishOutcome & { kind: 'nacked' | 'returned' },
  ): void {
    const { lanes, writer, clock, messageBackoff, random } = this.options;
    const error =
      outcome.kind === 'nacked' ? 'refused by the broker (nack)' : `not routed: ${outcome.reason}`;
    lanes.close(lane);
    const delay = backoffDelay(message.attempts + 1, messageBackoff, random);
    writer.putOff(lane, message, clock.now() + delay, error);
    if (outcome.kind === 'returned') void this.redeclare();
    this.logRefusal(message, error, delay);
  }

  private setAside(lane: Lane, message: PendingMessage, reason: string): void {
    this.options.lanes.close(lane);
    this.options.writer.setAside(lane, message, reason);
    const { id, tenant, source, sequence, type } = message;
    this.options.logger.error(
      { id, tenant, source, sequence, type, reason },
      'message can never be published as it is: set aside, later messages of its source wait behind it',
    );
  }

  private async redeclare(): Promise<void> {
    if (this.redeclaring) return;
    this.redeclaring = true;
    await this.options.publisher.redeclare();
    this.redeclaring = false;
  }

  /** A broker may refuse thousands per second: one line in ten seconds tells of all of them. */
  private logRefusal(message: PendingMessage, error: string, retryInMs: number): void {
    this.refusals += 1;
    const now = this.options.clock.now();
    if (now - this.refusalLoggedAt < refusalLogMs) return;
    const { id, source, sequence, attempts } = message;
    this.options.logger.warn(
      { id, source, sequence, attempts: attempts + 1, error, retryInMs, refusals: this.refusals },
      'the broker does not take messages; each is tried again later',
    );
    this.refusals = 0;
    this.refusalLoggedAt = now;
  }
}
