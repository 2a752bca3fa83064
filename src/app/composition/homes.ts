import type { Broker, Topology } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeadLetterService } from '../../ports/deadLetterService.ts';
import type { Ids } from '../../ports/ids.ts';
import type { Logger } from '../../ports/logger.ts';
import type { OperationsService } from '../../ports/operations.ts';
import type { ReplayService } from '../../ports/replayService.ts';
import type { Stores } from '../../ports/stores.ts';
import { snapshotSchemas } from '../commands/snapshots.ts';
import { WritePipeline } from '../commands/WritePipeline.ts';
import { type Config, type Context, contexts, type DatabaseConfig, databaseOf } from '../config.ts';
import { CommitSignal } from '../messaging/CommitSignal.ts';
import { DeathWatch } from '../messaging/consume/DeathWatch.ts';
import { deadLetterService } from '../messaging/desk/deadLetterService.ts';
import { redriveJobs } from '../messaging/desk/redriveJobs.ts';
import { OutboxRelay } from '../messaging/OutboxRelay.ts';
import type { InstanceSignal } from '../messaging/operate/InstanceSignal.ts';
import { JobWorker } from '../messaging/operate/JobWorker.ts';
import { operationsService } from '../messaging/operate/operationsService.ts';
import { RelaySwitchWatch } from '../messaging/operate/RelaySwitchWatch.ts';
import { PublishedWaiters } from '../messaging/publishedWaiters.ts';
import { replayJobs } from '../messaging/replay/replayJobs.ts';
import { replayService } from '../messaging/replay/replayService.ts';
import { replayToNewQueue } from '../messaging/replay/replayToNewQueue.ts';
import { RetentionCleaner } from '../messaging/retentionCleaner.ts';
import { isMandatory, receives } from '../messaging/topology.ts';
import { histories, models } from './models.ts';
import { openStores } from './openStores.ts';

const hours = 60 * 60 * 1000;
const days = 24 * hours;

export interface OpenDatabase {
  readonly database: DatabaseConfig;
  readonly stores: Stores;
}

/** One database of this process, and everything that works on it, once. */
export interface Home extends OpenDatabase {
  readonly commits: CommitSignal;
  readonly pipeline: WritePipeline;
  /** Lives as long as consumers run here. */
  readonly watch: DeathWatch;
  readonly waiters: PublishedWaiters;
  readonly relay: OutboxRelay;
  readonly cleaner: RetentionCleaner;
  readonly relaySwitch: RelaySwitchWatch;
  readonly redriver: JobWorker;
  readonly replayer: JobWorker;
  readonly deadLetters: DeadLetterService;
  readonly replays: ReplayService;
  /** Sends a queue what was written here before its consumer started for the first time. Does not reject. */
  replayToNewQueue(queue: string, isStopping: () => boolean): Promise<void>;
  readonly operations: OperationsService;
  /** Whether this process publishes what is written here, and does the chores. */
  readonly isServed: boolean;
}

/** The databases of this process: contexts share one unless they are configured apart. */
export interface Homes {
  readonly all: readonly Home[];
  /** Throws for a context that this process has nothing to do with. */
  of(context: Context): Home;
}

export interface HomeParts {
  readonly config: Config;
  readonly broker: Broker;
  readonly topology: Topology;
  readonly instances: InstanceSignal;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

/** The contexts whose data this process reads or writes: the edge serves all of them. */
const contextsOf = ({ roles }: Config): readonly Context[] =>
  contexts.filter(
    (context) => roles.has('api') || roles.has(context) || (context === 'orders' && roles.has('relay')),
  );

/** The databases that this process opens, each once. */
export const databasesOf = (config: Config): readonly DatabaseConfig[] =>
  distinctDatabases(config, contextsOf(config));

/** The databases of some contexts, each once. */
export const distinctDatabases = (config: Config, of: readonly Context[]): readonly DatabaseConfig[] => [
  ...new Map(
    of.map((context) => databaseOf(config, context)).map((database) => [database.file, database]),
  ).values(),
];

/** Opens all databases, or none. */
export const openDatabases = async (
  config: Config,
  clock: Clock,
  logger: Logger,
): Promise<readonly OpenDatabase[]> => {
  const opened: OpenDatabase[] = [];
  try {
    for (const database of databasesOf(config))
      opened.push({ database, stores: await openStores(database, clock, logger) });
  } catch (error) {
    for (const { stores } of opened) await stores.close();
    throw error;
  }
  return opened;
};

export const settleHomes = (databases: readonly OpenDatabase[], parts: HomeParts): Homes => {
  const { config } = parts;
  const all = databases.map((opened) => settleHome(opened, parts));
  return {
    all,
    of: (context) => {
      const home = all.find(({ database }) => database.file === databaseOf(config, context).file);
      if (home === undefined) throw new Error(`this process has no database of the context ${context}`);
      return home;
    },
  };
};

const settleHome = ({ database, stores }: OpenDatabase, parts: HomeParts): Home => {
  const { config, broker, topology, instances, clock, ids, logger } = parts;
  const { unitOfWork, outbox } = stores;
  const desk = stores.deadLetters;
  // Nobody else can be counted on to publish what is in a context's own database.
  const isServed = config.roles.has('relay') || database.file !== config.database.file;
  const commits = new CommitSignal();
  const onCommitted = (): void => commits.notify();
  const announce = (): void => instances.announce();
  const waiters = new PublishedWaiters({ outbox, clock, logger });
  const relay = new OutboxRelay({
    outbox,
    leases: stores.leases,
    publisher: broker,
    clock,
    logger,
    owner: ids.next(),
    isMandatory: isMandatory(topology),
    onPublished: waiters.onPublished,
    settings: { window: config.relayWindow },
  });
  const redrives = redriveJobs({ unitOfWork, desk, clock, ids, onCommitted });
  const replays = replayJobs({ stores, histories, receives: receives(topology), clock, onCommitted });
  return {
    database,
    stores,
    commits,
    waiters,
    watch: new DeathWatch({ register: stores.processes, id: ids.next(), clock, logger }),
    relay,
    relaySwitch: new RelaySwitchWatch({ relaySwitch: stores.relaySwitch, relay, clock, logger }),
    redriver: new JobWorker({ kind: redrives, clock, logger }),
    replayer: new JobWorker({ kind: replays, clock, logger }),
    pipeline: new WritePipeline({
      unitOfWork,
      snapshotSchemas: snapshotSchemas(models),
      clock,
      ids,
      logger,
      capacity: config.writeQueueMax,
      maxBatch: config.writeBatchMax,
      onCommitted,
    }),
    cleaner: new RetentionCleaner({
      outbox,
      idempotency: stores.idempotencyCleaner,
      inbox: stores.inboxCleaner,
      callbacks: stores.callbackCleaner,
      redrives: desk,
      replays: stores.replayCleaner,
      clock,
      logger,
      outboxRetentionMs: config.outboxRetentionHours * hours,
      idempotencyTtlMs: config.idempotencyTtlHours * hours,
      seenRetentionMs: config.inboxRetentionDays * days,
      callbackRetentionMs: config.callbackRetentionDays * days,
      jobRetentionMs: config.jobRetentionDays * days,
    }),
    deadLetters: deadLetterService({ unitOfWork, desk, clock, ids, onCommitted, onJob: announce }),
    replays: replayService({ stores, clock, ids, onJob: announce }),
    replayToNewQueue: (queue, isStopping) =>
      replayToNewQueue({ stores, clock, ids, logger, onJob: announce }, queue, isStopping),
    operations: operationsService({
      stores,
      clock,
      ids,
      relayState: () => (isServed ? relay.status().state : 'elsewhere'),
      announce,
    }),
    isServed,
  };
};
