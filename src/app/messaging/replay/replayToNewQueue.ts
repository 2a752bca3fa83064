import type { Clock } from '../../../ports/clock.ts';
import type { EventReader } from '../../../ports/eventStore.ts';
import type { Ids } from '../../../ports/ids.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { UnitOfWork } from '../../../ports/unitOfWork.ts';
import { retrying } from '../operate/retrying.ts';
import { newReplayJob } from './replayService.ts';

export interface NewQueueParts {
  readonly stores: {
    readonly unitOfWork: UnitOfWork;
    readonly events: Pick<EventReader, 'lastPosition' | 'tenants'>;
  };
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** Called when there are jobs to do. */
  readonly onJob: () => void;
}

const againMs = 1_000;

/**
 * A consumer that starts for the first time gets what happened before it, from the log of this database. To be called
 * once its queue is bound: what is committed from then on comes through the broker, and everything before is in the
 * log. Twice, or in several processes at once, does it once. While the database fails it is tried again, for the
 * consumer works meanwhile, and nobody else would ask; until the service stops.
 */
export const replayToNewQueue = async (
  parts: NewQueueParts,
  queue: string,
  isStopping: () => boolean,
): Promise<void> => {
  const { clock, logger } = parts;
  while (!isStopping()) {
    try {
      await askForHistory(parts, queue);
      return;
    } catch (err) {
      if (isStopping()) return;
      logger.warn({ err, queue }, 'a new queue has no history yet; asking for it again');
      await clock.sleep(againMs);
    }
  }
};

const askForHistory = async ({ stores, clock, ids, onJob }: NewQueueParts, queue: string): Promise<void> => {
  const { unitOfWork, events } = stores;
  const until = await events.lastPosition();
  const tenants = await events.tenants();
  const asked = await retrying(unitOfWork, async (tx) => {
    if (!(await tx.replays.recordStart(queue, clock.now()))) return false;
    for (const tenant of tenants) {
      const wanted = { id: ids.next(), tenant, queue, streams: null, ratePerSecond: null, from: 0, until };
      await tx.replays.saveJob(newReplayJob(wanted, 'orderflow', clock.now()));
    }
    return tenants.length > 0;
  });
  if (asked) onJob();
};
