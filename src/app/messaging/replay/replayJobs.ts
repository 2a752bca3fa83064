import type { Clock } from '../../../ports/clock.ts';
import type { EventReader } from '../../../ports/eventStore.ts';
import type { Outbox, OutboxMessage } from '../../../ports/outbox.ts';
import type { ReplayJob, ReplayReader } from '../../../ports/replays.ts';
import type { UnitOfWork } from '../../../ports/unitOfWork.ts';
import type { JobKind } from '../operate/JobWorker.ts';
import { retrying } from '../operate/retrying.ts';
import { type HistoryPage, HistoryReader } from './HistoryReader.ts';
import type { PublicHistory } from './publicHistory.ts';

export interface ReplayJobsParts {
  readonly stores: {
    readonly unitOfWork: UnitOfWork;
    readonly events: Pick<EventReader, 'readAll' | 'readStreams'>;
    readonly outbox: Pick<Outbox, 'backlog'>;
    readonly replays: ReplayReader;
  };
  /** By category: of every aggregate that has events in this database. */
  readonly histories: ReadonlyMap<string, PublicHistory>;
  /** Whether a queue receives messages with this routing key; true for a queue that others have declared. */
  readonly receives: (queue: string, routingKey: string) => boolean;
  readonly clock: Clock;
  /** Called after a commit that put messages into the outbox. */
  readonly onCommitted: () => void;
}

/** Messages of one job in the outbox at most, so that what else goes out is never far behind them. */
const pageSize = 1_000;
const second = 1_000;
/** A slow job sends a part of a second's messages at a time. */
const stepsPerSecond = 4;
/** How often to look whether the page under way is published. */
const waitMs = 50;

/** The outbox has a source for each job and stream: a stream's messages keep their order, and wait for no other's. */
export const replaySource = (id: string, stream = ''): string => `/orderflow/replays/${id}/${stream}`;

/** Each step puts the next page into the outbox, once the one before it is published. */
export const replayJobs = ({ stores, histories, receives, clock, onCommitted }: ReplayJobsParts): JobKind => {
  const { unitOfWork, events, outbox, replays } = stores;
  const readers = new Map<string, HistoryReader>();

  const readPage = (job: ReplayJob): Promise<HistoryPage> => {
    const reader = readers.get(job.id) ?? new HistoryReader(events, histories);
    readers.set(job.id, reader);
    const { ratePerSecond: rate } = job;
    return reader.read({
      tenant: job.tenant,
      streams: job.streams,
      after: job.underway,
      until: job.until,
      limit: rate === null ? pageSize : Math.min(pageSize, Math.ceil(rate / stepsPerSecond)),
      wanted: ({ routingKey }) => receives(job.queue, routingKey),
    });
  };

  /** Null when the job has ended. Somebody else may have taken this very step: then it is left as they left it. */
  const advance = (seen: ReplayJob, page: HistoryPage): Promise<number | null> =>
    retrying(unitOfWork, async (tx) => {
      const job = await tx.replays.findJob(seen.tenant, seen.id);
      if (job?.state !== 'running') return null;
      if (job.underway !== seen.underway || job.position !== seen.position) return 0;
      const sent = page.messages.length;
      if (sent > 0)
        await tx.outbox.add(page.messages.map(({ stream, message }) => toQueue(job, stream, message)));
      const hasEnded = job.underway >= job.until;
      const pauseMs = job.ratePerSecond === null ? 0 : (sent / job.ratePerSecond) * second;
      await tx.replays.saveJob({
        ...job,
        position: job.underway,
        underway: page.through,
        sent: job.sent + sent,
        nextStepAt: Math.ceil(Math.max(clock.now(), job.nextStepAt) + pauseMs),
        ...(hasEnded ? { state: 'done', endedAt: clock.now() } : {}),
      });
      return hasEnded ? null : sent;
    });

  const step = async (tenant: string, id: string): Promise<number | null> => {
    const job = await replays.job(tenant, id);
    if (job?.state !== 'running') return null;
    const { unpublished } = await outbox.backlog(tenant, replaySource(id));
    if (unpublished > 0) return waitMs;
    const ended = job.underway >= job.until;
    const early = job.nextStepAt - clock.now();
    if (early > 0 && !ended) return early;
    const page = ended ? { messages: [], through: job.until } : await readPage(job);
    const sent = await advance(job, page);
    if (sent !== null && sent > 0) onCommitted();
    return sent === null ? null : 0;
  };

  return {
    name: 'replay',
    runningJobs: () => replays.runningJobs(),
    step: async (tenant, id) => {
      const restMs = await step(tenant, id);
      if (restMs === null) readers.delete(id);
      return restMs;
    },
  };
};

/** As it was published first, to one queue. */
const toQueue = ({ id, queue }: ReplayJob, stream: string, message: OutboxMessage): OutboxMessage => ({
  ...message,
  source: replaySource(id, stream),
  exchange: 'tasks',
  routingKey: queue,
  headers: { 'x-orderflow-replay': id },
});
