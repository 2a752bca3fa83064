import { systemClock } from '../../adapters/system/SystemClock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Lifecycle } from './lifecycle.ts';

interface Stopping {
  stop(): Promise<void>;
}

interface Closing {
  close(): Promise<void>;
}

/** What there is to stop. */
export interface StoppableParts {
  readonly lifecycle: Lifecycle;
  readonly http: { close(deadlineMs: number): Promise<void> } | null;
  readonly consumers: readonly Stopping[];
  readonly collectors: readonly Stopping[];
  readonly senders: Readonly<Record<string, Closing>>;
  readonly parkedCallbacks: Stopping | null;
  readonly instances: Stopping;
  readonly homes: { readonly all: readonly StoppableHome[] };
  readonly broker: Closing;
}

export interface StoppableHome {
  readonly watch: Stopping & { abandon(): Promise<void> };
  readonly redriver: Stopping;
  readonly replayer: Stopping;
  readonly pipeline: Stopping;
  readonly cleaner: Stopping;
  readonly relaySwitch: Stopping;
  readonly relay: { stop(options: { readonly deadlineMs: number }): Promise<void> };
  readonly stores: Closing;
}

/**
 * Of the time to stop, what is kept for the relay, the broker and the databases, however long others take before: a
 * relay that does not give up its leases holds up the messages of the whole shop until they expire.
 */
const keptShare = 0.4;

/**
 * HTTP → consumers → pipelines → relays → broker → databases: nobody stops before those that need it. Whoever takes too
 * long is left to itself, so that all of it ends within the limit.
 */
export const stopInOrder = async (limitMs: number, parts: StoppableParts, logger: Logger): Promise<void> => {
  const { lifecycle, http, parkedCallbacks, consumers, collectors, senders, instances, broker } = parts;
  const homes = parts.homes.all;
  const end = systemClock.now() + limitMs;
  const endOfWork = end - keptShare * limitMs;
  const left = (until: number): number => Math.max(0, until - systemClock.now());
  lifecycle.draining = true;
  /** Whether all of it stopped cleanly, and in time. */
  const step = async (
    name: string,
    until: number,
    works: readonly (Promise<unknown> | undefined)[],
  ): Promise<boolean> => {
    const timeout = new AbortController();
    try {
      const late = systemClock.sleep(left(until), timeout.signal).then(() => 'late');
      if ((await Promise.race([Promise.all(works), late])) !== 'late') return true;
      logger.warn({ step: name }, 'stopping took too long; going on');
    } catch (error) {
      logger.error({ err: error, step: name }, 'a part did not stop cleanly');
    } finally {
      timeout.abort();
    }
    return false;
  };
  await step('http', endOfWork, [http?.close(left(endOfWork) / 2)]);
  const handsAreEmpty = await step(
    'consumers',
    endOfWork,
    [...consumers, ...collectors].map((consumer) => consumer.stop()),
  );
  await step(
    'sign off',
    endOfWork,
    homes.map(({ watch }) => (handsAreEmpty ? watch.stop() : watch.abandon())),
  );
  await step(
    'senders',
    endOfWork,
    Object.values(senders).map((sender) => sender.close()),
  );
  await step('parked callbacks', endOfWork, [parkedCallbacks?.stop()]);
  await step('signal', endOfWork, [instances.stop()]);
  await step(
    'jobs',
    endOfWork,
    homes.flatMap(({ redriver, replayer }) => [redriver.stop(), replayer.stop()]),
  );
  await step(
    'pipeline',
    endOfWork,
    homes.map(({ pipeline }) => pipeline.stop()),
  );
  await step(
    'cleaner',
    endOfWork,
    homes.map(({ cleaner }) => cleaner.stop()),
  );
  await step(
    'relay switch',
    endOfWork,
    homes.map(({ relaySwitch }) => relaySwitch.stop()),
  );
  await step(
    'relay',
    end,
    homes.map(({ relay }) => relay.stop({ deadlineMs: left(end) / 2 })),
  );
  await step('broker', end, [broker.close()]);
  await step(
    'database',
    end,
    homes.map(({ stores }) => stores.close()),
  );
};
