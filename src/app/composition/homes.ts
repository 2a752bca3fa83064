import type { Broker, Topology } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeadLetterService } from '../../ports/deadLetterService.ts';
import type { Ids } from '../../ports/ids.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Stores } from '../../ports/stores.ts';
import { snapshotSchemas } from '../commands/snapshots.ts';
import { WritePipeline } from '../commands/WritePipeline.ts';
import { type Config, type Context, contexts, type DatabaseConfig, databaseOf } from '../config.ts';
import { CommitSignal } from '../messaging/CommitSignal.ts';
import { DeathWatch } from '../messaging/consume/DeathWatch.ts';
import { deadLetterService } from '../messaging/desk/deadLetterService.ts';
import { RedriveWorker } from '../messaging/desk/RedriveWorker.ts';
import { OutboxRelay } from '../messaging/OutboxRelay.ts';
import { PublishedWaiters } from '../messaging/publishedWaiters.ts';
import { RetentionCleaner } from '../messaging/retentionCleaner.ts';
import { isMandatory } from '../messaging/topology.ts';
import { orderModel } from '../orders/orderModel.ts';
import { openStores } from './openStores.ts';

const hours = 60 * 60 * 1000;
const days = 24 * hours;

/** Every model that is written, whichever database its context has. */
const models = [orderModel];

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
  readonly redriver: RedriveWorker;
  readonly deadLetters: DeadLetterService;
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
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

/** The contexts whose data this process reads or writes: the edge serves all of them. */
export const contextsOf = ({ roles }: Config): readonly Context[] =>
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
  const { config, broker, topology, clock, ids, logger } = parts;
  const { unitOfWork, outbox } = stores;
  const commits = new CommitSignal();
  const onCommitted = (): void => commits.notify();
  const waiters = new PublishedWaiters({ outbox, clock, logger });
  const redriver = new RedriveWorker({
    unitOfWork,
    desk: stores.deadLetters,
    clock,
    ids,
    logger,
    onCommitted,
  });
  return {
    database,
    stores,
    commits,
    waiters,
    redriver,
    watch: new DeathWatch({ register: stores.processes, id: ids.next(), clock, logger }),
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
    relay: new OutboxRelay({
      outbox,
      leases: stores.leases,
      publisher: broker,
      clock,
      logger,
      owner: ids.next(),
      isMandatory: isMandatory(topology),
      onPublished: waiters.onPublished,
      settings: { window: config.relayWindow },
    }),
    cleaner: new RetentionCleaner({
      outbox,
      idempotency: stores.idempotencyCleaner,
      inbox: stores.inboxCleaner,
      clock,
      logger,
      outboxRetentionMs: config.outboxRetentionHours * hours,
      idempotencyTtlMs: config.idempotencyTtlHours * hours,
      seenRetentionMs: config.inboxRetentionDays * days,
    }),
    deadLetters: deadLetterService({
      unitOfWork,
      desk: stores.deadLetters,
      clock,
      ids,
      onCommitted,
      onJob: () => redriver.wake(),
    }),
    // Nobody else can be counted on to publish what is in a context's own database.
    isServed: config.roles.has('relay') || database.file !== config.database.file,
  };
};
