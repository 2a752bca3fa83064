/**
 * What comes so soon after the first signal is its echo: npm passes a Ctrl-C on that its child has got already, and
 * of a closed terminal both the shell and the system tell.
 */
const echoMs = 500;

/**
 * Calls `first` at the first of these signals, and `again` at a later one, which means: no more waiting. Returns how to
 * stop listening.
 */
export const onStopSignal = (
  signals: readonly NodeJS.Signals[],
  first: (signal: NodeJS.Signals) => void,
  again: () => void,
): (() => void) => {
  let firstAt: number | null = null;
  const listener = (signal: NodeJS.Signals): void => {
    if (firstAt === null) {
      firstAt = performance.now();
      first(signal);
    } else if (performance.now() - firstAt > echoMs) again();
  };
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
};
