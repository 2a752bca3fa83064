import type { Clock } from '../../../ports/clock.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { Lease, Outbox, PendingMessage } from '../../../ports/outbox.ts';
import { Bell } from '../Bell.ts';
import { type Backoff, backoffDelay } from '../backoff.ts';
import type { Lane } from './Lanes.ts';

/** What is left of a message that the broker has answered, until that is written to the outbox. */
export interface Answer {
  readonly lane: Lane;
  readonly row: number;
  readonly sequence: number;
  /** It was put off before: others may have been held behind it. */
  readonly wasPutOff: boolean;
}

export interface PutOff extends Answer {
  readonly dueAt: number;
  readonly attempts: number;
  readonly error: string;
}

interface SetAside extends Answer {
  readonly reason: string;
}

interface OutcomeWriterOptions {
  readonly outbox: Outbox;
  readonly owner: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly backoff: Backoff;
  readonly random: () => number;
  /** Confirmed messages are marked as soon as there are so many, ... */
  readonly batch: number;
  /** ... or the first of them has waited so long, or nothing else is in flight. */
  readonly delayMs: number;
  readonly isIdle: () => boolean;
  readonly leases: () => readonly Lease[];
  /** They stand in the outbox now. `all`: every one of them was marked by this write. */
  readonly onMarked: (answers: readonly Answer[], all: boolean) => void;
  readonly onPutOff: (answers: readonly PutOff[]) => void;
  readonly onSetAside: (answer: Answer) => void;
}

/** One statement names at most so many rows. */
const maxRows = 2000;
const restMs = 60_000;

/**
 * Writes the broker's answers to the outbox, many at a time, while publishing goes on. A write that fails is
 * repeated until it succeeds, or until `abandon`: then the messages stay unpublished and are sent once more.
 */
export class OutcomeWriter {
  private readonly options: OutcomeWriterOptions;
  private readonly bell: Bell;
  private readonly abandoned = new AbortController();
  private confirmed: Answer[] = [];
  private postponed: PutOff[] = [];
  private unpublishable: SetAside[] = [];
  private firstConfirmedAt = 0;
  private failures = 0;
  private finishing = false;
  private running: Promise<void> = Promise.resolve();

  constructor(options: OutcomeWriterOptions) {
    this.options = options;
    this.bell = new Bell(options.clock);
  }

  start(): void {
    this.running = this.run();
  }

  markPublished(lane: Lane, message: PendingMessage): void {
    const count = this.confirmed.push(answerOf(lane, message));
    if (count === 1) this.firstConfirmedAt = this.options.clock.now();
    if (count === 1 || count === this.options.batch) this.bell.ring();
  }

  putOff(lane: Lane, message: PendingMessage, dueAt: number, error: string): void {
    const attempts = message.attempts + 1;
    this.postponed.push({ ...answerOf(lane, message), dueAt, attempts, error });
    if (this.postponed.length === 1) this.bell.ring();
  }

  setAside(lane: Lane, message: PendingMessage, reason: string): void {
    this.unpublishable.push({ ...answerOf(lane, message), reason });
    this.bell.ring();
  }

  /** Nothing is in flight any more. */
  idle(): void {
    if (this.confirmed.length > 0) this.bell.ring();
  }

  /** Resolves when everything is written, or was abandoned. Nothing may be added afterwards. */
  async finish(): Promise<void> {
    this.finishing = true;
    this.bell.ring();
    await this.running;
  }

  /** Gives up on what is not written yet. A statement under way may still be carried out. */
  abandon(): void {
    this.abandoned.abort();
    this.bell.ring();
  }

  /** How many answers are not written. */
  get pending(): number {
    return this.confirmed.length + this.postponed.length + this.unpublishable.length;
  }

  private async run(): Promise<void> {
    while (!this.abandoned.signal.aborted) {
      if (this.pending === 0) {
        if (this.finishing) return;
        await this.bell.rest(restMs);
        continue;
      }
      const wait = this.waitMs();
      if (wait > 0) await this.bell.rest(wait);
      else await this.writeSome();
    }
  }

  private waitMs(): number {
    const { batch, delayMs, isIdle, clock } = this.options;
    const hurry = this.finishing || this.pending > this.confirmed.length || isIdle();
    if (hurry || this.confirmed.length >= batch) return 0;
    const waited = clock.now() - this.firstConfirmedAt;
    // Less than nothing when the wall clock was set back.
    return waited < 0 ? 0 : delayMs - waited;
  }

  private async writeSome(): Promise<void> {
    try {
      if (this.confirmed.length > 0) await this.writeConfirmed();
      if (this.postponed.length > 0) await this.writePostponed();
      if (this.unpublishable.length > 0) await this.writeUnpublishable();
      if (this.failures > 0) this.options.logger.info({}, 'the outbox can be written again');
      this.failures = 0;
    } catch (err) {
      await this.backOff(err);
    }
  }

  private async writeConfirmed(): Promise<void> {
    const { outbox, owner, clock, leases, onMarked } = this.options;
    const answers = this.confirmed.slice(0, maxRows);
    const rows = answers.map(({ row }) => row);
    const changed = await outbox.markPublished(rows, clock.now(), owner, leases());
    if (this.abandoned.signal.aborted) return;
    this.confirmed = this.confirmed.slice(answers.length);
    this.firstConfirmedAt = clock.now();
    onMarked(answers, changed === answers.length);
  }

  private async writePostponed(): Promise<void> {
    const { outbox, owner, leases, onPutOff } = this.options;
    const answers = this.postponed.slice(0, maxRows);
    const rows = answers.map(({ row, dueAt, attempts, error }) => ({ row, dueAt, attempts, error }));
    await outbox.postpone(rows, owner, leases());
    if (this.abandoned.signal.aborted) return;
    this.postponed = this.postponed.slice(answers.length);
    onPutOff(answers);
  }

  private async writeUnpublishable(): Promise<void> {
    const { outbox, owner, leases, onSetAside } = this.options;
    const answer = this.unpublishable[0];
    if (answer === undefined) return;
    await outbox.setAside(answer.row, answer.reason, owner, leases());
    if (this.abandoned.signal.aborted) return;
    this.unpublishable = this.unpublishable.slice(1);
    onSetAside(answer);
  }

  private async backOff(err: unknown): Promise<void> {
    const { logger, clock, backoff, random } = this.options;
    this.failures += 1;
    if (this.failures === 1) {
      logger.warn({ err }, 'the outbox cannot be written; what was published is marked when it can be again');
    }
    await clock.sleep(backoffDelay(this.failures, backoff, random), this.abandoned.signal);
  }
}

const answerOf = (lane: Lane, { row, sequence, dueAt, attempts }: PendingMessage): Answer => ({
  lane,
  row,
  sequence,
  wasPutOff: dueAt > 0 || attempts > 0,
});
