import type { Clock } from '../../ports/clock.ts';

/** `setTimeout` fires at once when it is asked for more (Node.js documentation, timers). */
const longestTimerMs = 2 ** 31 - 1;

const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(ms, longestTimerMs));
    timer.unref();
    signal?.addEventListener('abort', end, { once: true });
  });

/** The machine's clock. A sleep ends after 24 days at the latest. */
export const systemClock: Clock = { now: Date.now, sleep };
