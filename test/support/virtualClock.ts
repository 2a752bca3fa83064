import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../src/ports/clock.ts';

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

/** Time that stands still until the test moves it. */
export class VirtualClock implements Clock {
  /** What no setting of the wall clock changes: timers go by it. */
  private time = Date.parse('2026-01-01T00:00:00.000Z');
  private setBackMs = 0;
  private readonly timers = new Set<Timer>();

  readonly now = (): number => this.time - this.setBackMs;

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve();
        return;
      }
      const end = (): void => {
        this.timers.delete(timer);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer: Timer = { at: this.time + Math.max(0, ms), fire: end };
      this.timers.add(timer);
      signal?.addEventListener('abort', end, { once: true });
    });

  /** The wall clock is set back; sleeps last as long as before. */
  setBack(ms: number): void {
    this.setBackMs += ms;
  }

  get pendingTimers(): number {
    return this.timers.size;
  }

  /** Moves to the next timer and fires it; false when there is none. */
  step(): boolean {
    let next: Timer | undefined;
    for (const timer of this.timers) if (next === undefined || timer.at < next.at) next = timer;
    if (next === undefined) return false;
    this.time = Math.max(this.time, next.at);
    next.fire();
    return true;
  }

  /** Moves on by `ms`, firing what is due on the way; everybody gets to run in between. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await turns();
      if (![...this.timers].some((timer) => timer.at <= end)) break;
      this.step();
    }
    this.time = end;
  }

  /** Lets time pass, from timer to timer, until the condition holds; throws after `limitMs` of this clock's time. */
  async until(condition: () => boolean | Promise<boolean>, limitMs = 600_000): Promise<void> {
    const limit = this.time + limitMs;
    for (;;) {
      await turns();
      if (await condition()) return;
      if (this.time > limit) throw new Error(`the condition did not come true within ${limitMs} virtual ms`);
      if (!this.step()) throw new Error('the condition is not true, and nothing is going to happen');
    }
  }
}

/** Enough turns of the event loop for everybody to get as far as they can without a timer. */
export const turns = async (count = 10): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await nextTurn();
};
