import type { Clock } from '../../../ports/clock.ts';
import type { EventReader } from '../../../ports/eventStore.ts';
import type { Ids } from '../../../ports/ids.ts';
import type { Outbox } from '../../../ports/outbox.ts';
import {
  type ReplayRequest,
  type ReplayService,
  type ReplayStatus,
  UnknownStreams,
} from '../../../ports/replayService.ts';
import type { ReplayJob, ReplayReader } from '../../../ports/replays.ts';
import type { UnitOfWork } from '../../../ports/unitOfWork.ts';
import { recordAction } from '../operate/recordAction.ts';
import { retrying } from '../operate/retrying.ts';
import { readStretches } from './readStretches.ts';
import { replaySource } from './replayJobs.ts';

export interface ReplayServiceParts {
  readonly stores: {
    readonly unitOfWork: UnitOfWork;
    readonly events: Pick<EventReader, 'lastPosition' | 'readStreams'>;
    readonly outbox: Pick<Outbox, 'backlog'>;
    readonly replays: ReplayReader;
  };
  readonly clock: Clock;
  readonly ids: Ids;
  /** Called when there is a job to do. */
  readonly onJob: () => void;
}

export const replayService = ({ stores, clock, ids, onJob }: ReplayServiceParts): ReplayService => {
  const { unitOfWork, events, outbox, replays } = stores;
  const system = { clock, ids };

  const statusOf = async (job: ReplayJob): Promise<ReplayStatus> => ({
    ...job,
    waiting: await outbox.backlog(job.tenant, replaySource(job.id)),
  });

  /** The stretch of the log in which the wanted events are. */
  const stretchOf = async (tenant: string, { from, streams }: ReplayRequest) => {
    if (streams === null) {
      const until = await events.lastPosition();
      return { from: Math.min(from, until), until };
    }
    const found = new Set<string>();
    let [first, last] = [Number.POSITIVE_INFINITY, from];
    const parts = streams.map((stream) => ({ tenant, stream }));
    for await (const stretch of readStretches(events, parts)) {
      for (const { stream, position } of stretch) {
        found.add(stream);
        if (position <= from) continue;
        first = Math.min(first, position);
        last = Math.max(last, position);
      }
    }
    const unknown = streams.filter((stream) => !found.has(stream));
    if (unknown.length > 0) throw new UnknownStreams(unknown);
    return last === from ? { from, until: from } : { from: first - 1, until: last };
  };

  return {
    replay: async (operator, request) => {
      const { queue, streams, ratePerSecond } = request;
      const { tenant, who } = operator;
      const stretch = await stretchOf(tenant, request);
      const job = newReplayJob(
        { id: ids.next(), tenant, queue, streams, ratePerSecond, ...stretch },
        who,
        clock.now(),
      );
      await retrying(unitOfWork, async (tx) => {
        await tx.replays.saveJob(job);
        const messages = streams === null ? job.until - job.from : 0;
        await recordAction(tx, system, operator, { what: 'replay', messages }, { job: job.id, ...request });
      });
      onJob();
      return statusOf(job);
    },
    job: async (tenant, id) => {
      const job = await replays.job(tenant, id);
      return job && statusOf(job);
    },
    cancel: async (operator, id) => {
      const { tenant } = operator;
      const job = await retrying(unitOfWork, async (tx) => {
        const found = await tx.replays.findJob(tenant, id);
        if (found?.state !== 'running') return found;
        const withdrawn = await tx.outbox.withdraw(tenant, replaySource(id));
        // Where nothing was withdrawn, everything under way is published.
        const position = withdrawn === 0 ? found.underway : found.position;
        const sent = found.sent - withdrawn;
        const cancelled: ReplayJob = {
          ...found,
          position,
          sent,
          state: 'cancelled',
          endedAt: clock.now(),
        };
        await tx.replays.saveJob(cancelled);
        await recordAction(
          tx,
          system,
          operator,
          { what: 'cancel', messages: withdrawn },
          { job: id, position },
        );
        return cancelled;
      });
      return job && statusOf(job);
    },
  };
};

/** A job that has done nothing yet. */
export const newReplayJob = (
  wanted: Pick<ReplayJob, 'id' | 'tenant' | 'queue' | 'streams' | 'ratePerSecond' | 'from' | 'until'>,
  createdBy: string,
  createdAt: number,
): ReplayJob => ({
  ...wanted,
  position: wanted.from,
  underway: wanted.from,
  sent: 0,
  nextStepAt: 0,
  state: 'running',
  createdAt,
  createdBy,
  endedAt: null,
});
