/**
 * Aborts on the first SIGINT or SIGTERM, so that the command ends with what it has; a second one ends the process.
 * Call `release` when the command is done.
 */
export const stopOnSignal = () => {
  const stopped = new AbortController();
  const stop = () => {
    if (stopped.signal.aborted) process.exit(130);
    stopped.abort();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, stop);
  return {
    signal: stopped.signal,
    release: (): void => {
      for (const signal of signals) process.off(signal, stop);
    },
  };
};
