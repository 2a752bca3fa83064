/** Time and timers, so that tests can own both. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /**
   * Resolves after `ms` milliseconds, or at once when `signal` aborts (it never rejects). A pending sleep does not
   * keep the process alive.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
