import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits for a condition: runs `check` until it neither throws nor rejects, and returns what it returned. After
 * `timeoutMs` the last failure is thrown, so that the test says what was still wrong.
 */
export const eventually = async <T>(
  check: () => T | Promise<T>,
  options: { readonly timeoutMs?: number; readonly intervalMs?: number } = {},
): Promise<T> => {
  const deadline = performance.now() + (options.timeoutMs ?? 10_000);
  for (;;) {
    try {
      return await check();
    } catch (failure) {
      if (performance.now() >= deadline) throw failure;
      await sleep(options.intervalMs ?? 10);
    }
  }
};
