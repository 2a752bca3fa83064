/** Waits before the 2nd, 3rd, … attempt of a message, in ms; when they are used up the message is dead. */
export interface RetryPolicy {
  readonly delaysMs: readonly number[];
  /** Started attempts that are not known to have ended, before the message is held to be what kills the process. */
  readonly maxDeaths: number;
}

export const defaultRetryPolicy: RetryPolicy = {
  delaysMs: [1_000, 5_000, 30_000, 120_000, 600_000],
  // The death before these was not recorded: three in all.
  maxDeaths: 2,
};

/** How long to wait after `attempts` failed attempts; null when no attempt is left. Up to a fifth is added at random. */
export const retryDelay = (policy: RetryPolicy, attempts: number, random: () => number): number | null => {
  const delay = policy.delaysMs[attempts - 1];
  return delay === undefined ? null : Math.round(delay * (1 + random() / 5));
};
