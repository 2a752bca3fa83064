import type { PublishOutcome } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Schedule } from './Wire.ts';

type Settle = () => void;

/** What can go wrong between a broker's answer and its publisher. Does nothing until told to. */
export class ConfirmFaults {
  private readonly clock: Clock;
  private readonly schedule: Schedule;
  private nacks = 0;
  private drops = 0;
  private delayMs = 0;
  private holding = false;
  private held: Settle[] = [];

  constructor(clock: Clock, schedule: Schedule) {
    this.clock = clock;
    this.schedule = schedule;
  }

  /** The next `count` publications are refused, and reach no queue. */
  nackNext(count = 1): void {
    this.nacks += count;
  }

  /** The next `count` answers never arrive: the message is in its queues, and its publisher cannot know. */
  dropNextConfirms(count = 1): void {
    this.drops += count;
  }

  /** Answers take this long from now on; 0 ends it. */
  delayConfirms(ms: number): void {
    this.delayMs = ms;
  }

  /** Answers wait until `releaseConfirms`. */
  holdConfirms(): void {
    this.holding = true;
  }

  /** Lets the held answers go, in any order: `pick` names the next one by its place among those that remain. */
  releaseConfirms(pick: (remaining: number) => number = () => 0): void {
    this.holding = false;
    while (this.held.length > 0) {
      const [settle] = this.held.splice(Math.abs(pick(this.held.length)) % this.held.length, 1);
      this.schedule(settle!);
    }
  }

  get heldConfirms(): number {
    return this.held.length;
  }

  takeNack(): boolean {
    if (this.nacks === 0) return false;
    this.nacks -= 1;
    return true;
  }

  answer(outcome: PublishOutcome, settle: (outcome: PublishOutcome) => void): void {
    if (this.drops > 0) {
      this.drops -= 1;
      return;
    }
    const arrive = (): void => settle(outcome);
    if (this.holding) this.held.push(arrive);
    else if (this.delayMs > 0) void this.clock.sleep(this.delayMs).then(arrive);
    else this.schedule(arrive);
  }

  /** The connection broke: what was held is lost with it. */
  forgetHeld(): void {
    this.held = [];
  }
}
