import { BrokerServer } from '../../src/adapters/memory/BrokerServer.ts';
import { InMemoryBroker } from '../../src/adapters/memory/InMemoryBroker.ts';
import { createMemoryState, type MemoryState } from '../../src/adapters/memory/memoryState.ts';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { type Composition, compose } from '../../src/app/composition/container.ts';
import { databasesOf } from '../../src/app/composition/homes.ts';
import { startParts } from '../../src/app/composition/startApp.ts';
import { tokens } from '../../src/app/composition/tokens.ts';
import { type Config, type Context, readConfig } from '../../src/app/config.ts';
import { consumers, deadQueueOf, orderflowTopology, workQueueOf } from '../../src/app/messaging/topology.ts';
import type { OutgoingNotification } from '../../src/ports/notificationSender.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { recordingLogger } from './recordingLogger.ts';
import { rolesOf } from './shopRoles.ts';
import { turns, VirtualClock } from './virtualClock.ts';

export const contexts = [
  'orders',
  'inventory',
  'loyalty',
  'notifications',
] as const satisfies readonly Context[];

const configOf = (context: Context): Config =>
  readConfig({
    DATABASE_URL: 'sqlite:orders',
    INVENTORY_DATABASE_URL: 'sqlite:inventory',
    LOYALTY_DATABASE_URL: 'sqlite:loyalty',
    NOTIFICATIONS_DATABASE_URL: 'sqlite:notifications',
    // What it stands for is in memory here, and yet behaves as RabbitMQ does.
    BROKER_URL: 'amqp://broker',
    ROLES: rolesOf[context],
    PAYMENT_DEADLINE_SECONDS: '60',
    LOYALTY_RATES: 'EUR:1/100',
  });

/** A process of one context: everything that the program composes, on a clock, a broker and databases of the world. */
export interface ShopProcess {
  readonly parts: Composition;
  readonly broker: InMemoryBroker;
  /** From now on nothing of it reaches a database, the broker or a customer. */
  die(): void;
}

export type ShopWorld = Awaited<ReturnType<typeof openShopWorld>>;

/**
 * A shop of four processes, one per context, each with a database of its own that outlives it, and one broker between
 * them. Time passes only when it is told to.
 */
export const openShopWorld = async () => {
  const clock = new VirtualClock();
  const server = new BrokerServer(clock);
  const states = Object.fromEntries(contexts.map((name) => [name, createMemoryState()])) as Record<
    Context,
    MemoryState
  >;
  const logger = recordingLogger();
  const topology = orderflowTopology('');
  /** What customers received, repetitions included. */
  const told: OutgoingNotification[] = [];
  const running = new Map<Context, ShopProcess>();

  const start = async (context: Context): Promise<ShopProcess> => {
    const config = configOf(context);
    let dead = false;
    const pause = async (): Promise<void> => {
      if (dead) await new Promise(() => undefined);
    };
    const broker = new InMemoryBroker({ topology, clock, logger, server, confirm: 'on-enqueue' });
    const databases = databasesOf(config).map((database) => ({
      database,
      stores: openMemoryStores({ state: states[database.file as Context], clock, pause }),
    }));
    const sender = {
      send: async (notification: OutgoingNotification) => {
        if (dead) await new Promise(() => undefined);
        told.push(notification);
      },
      close: async () => undefined,
    };
    const parts = await compose(config, logger, (container) => {
      container.rebind(tokens.clock).toConstantValue(clock);
      container.rebind(tokens.broker).toConstantValue(broker);
      container.rebind(tokens.databases).toConstantValue(databases);
      container.rebind(tokens.senders).toConstantValue({ log: sender });
    });
    startParts(parts, logger);
    const process: ShopProcess = {
      parts,
      broker,
      die: () => {
        dead = true;
        broker.disconnect();
        running.delete(context);
      },
    };
    running.set(context, process);
    await turns();
    return process;
  };

  const stores = Object.fromEntries(
    contexts.map((name) => [name, openMemoryStores({ state: states[name], clock })]),
  ) as Record<Context, Stores>;

  for (const context of contexts) await start(context);

  /** Nothing is on its way: not in an outbox, a queue, a consumer's hands or an inbox. */
  const isQuiet = async (): Promise<boolean> => {
    for (const name of contexts) {
      const { pending, held, setAside } = await stores[name].outbox.stats(clock.now());
      if (pending + held + setAside > 0) return false;
      if ([...states[name].waiting.values()].some((rows) => rows.size > 0)) return false;
    }
    const queues = consumers.map((consumer) => workQueueOf('', consumer));
    return [...queues, ...queues.map(deadQueueOf)].every((name) => {
      const queue = server.queue(name);
      return queue === undefined || queue.readyCount + queue.unsettledCount === 0;
    });
  };

  /** Lets time pass, a little at a time, until the promise is settled. */
  const inTime = async <T>(promise: Promise<T>): Promise<T> => {
    let settled = false;
    const watched = promise.finally(() => {
      settled = true;
    });
    watched.catch(() => undefined);
    while (!settled) {
      await turns();
      if (!settled) await clock.advance(1);
    }
    return watched;
  };

  /** For people: what is still on its way, and where. */
  const describe = async (): Promise<string> => {
    const lines: string[] = [];
    for (const name of contexts) {
      const stats = await stores[name].outbox.stats(clock.now());
      const waiting = [...states[name].waiting.values()].flatMap((rows) => [...rows.values()]);
      const kept = waiting.map(({ source, sequence, state, error }) => ({ source, sequence, state, error }));
      lines.push(`${name}: ${JSON.stringify(stats)}, keeps ${JSON.stringify(kept.slice(0, 5))}`);
      const queue = server.queue(workQueueOf('', name));
      lines.push(`  queue: ${queue?.readyCount} ready, ${queue?.unsettledCount} in hand`);
    }
    return lines.join('\n');
  };

  return {
    clock,
    states,
    stores,
    inTime,
    describe,
    logger,
    told,
    isQuiet,
    process: (context: Context): ShopProcess => {
      const found = running.get(context);
      if (found === undefined) throw new Error(`${context} is not running`);
      return found;
    },
    /** A process dies at once; another one takes its place. */
    restart: async (context: Context): Promise<void> => {
      running.get(context)?.die();
      await start(context);
    },
    close: (): void => {
      for (const { die } of [...running.values()]) die();
    },
  };
};
