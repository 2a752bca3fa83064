import type { Clock } from '../../ports/clock.ts';

/** The promise's result, or a rejection with `message` when it takes longer than `ms`. */
export const within = async <T>(
  clock: Clock,
  ms: number,
  promise: Promise<T>,
  message: string,
): Promise<T> => {
  const settled = new AbortController();
  const timeout = clock.sleep(ms, settled.signal).then((): never => {
    throw new Error(message);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    // Ends the sleep; its rejection has nobody left to tell.
    timeout.catch(() => undefined);
    settled.abort();
  }
};

/** Resolves when the promise settles either way, or after `ms`. Never rejects. */
export const settledWithin = async (clock: Clock, ms: number, promise: Promise<unknown>): Promise<void> => {
  const settled = new AbortController();
  const quiet = promise.then(
    () => undefined,
    () => undefined,
  );
  await Promise.race([quiet, clock.sleep(ms, settled.signal)]);
  settled.abort();
};
