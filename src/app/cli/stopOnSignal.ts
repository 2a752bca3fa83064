import { onStopSignal } from '../onStopSignal.ts';

/**
 * Aborts on the first SIGINT or SIGTERM, so that the command ends with what it has; a second one ends the process.
 * Call `release` when the command is done.
 */
export const stopOnSignal = () => {
  const stopped = new AbortController();
  const release = onStopSignal(
    ['SIGINT', 'SIGTERM'],
    () => stopped.abort(),
    () => process.exit(130),
  );
  return { signal: stopped.signal, release };
};
