import { BrokerServer } from '../../src/adapters/memory/BrokerServer.ts';
import { InMemoryBroker } from '../../src/adapters/memory/InMemoryBroker.ts';
import { createMemoryState } from '../../src/adapters/memory/memoryState.ts';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { WritePipeline } from '../../src/app/commands/WritePipeline.ts';
import { CarefulLane } from '../../src/app/messaging/consume/CarefulLane.ts';
import { ConsumerRunner } from '../../src/app/messaging/consume/ConsumerRunner.ts';
import { DeathWatch } from '../../src/app/messaging/consume/DeathWatch.ts';
import { gateKeeper } from '../../src/app/messaging/consume/GateBook.ts';
import type { IncomingMessage } from '../../src/app/messaging/consume/incomingMessage.ts';
import { streamKeyText } from '../../src/ports/eventStore.ts';
import { topologyWith } from './brokerTopology.ts';
import { notes } from './effects.ts';

export interface MortalOptions {
  /** Each consumes a queue of its name, which takes every event. */
  readonly consumers: readonly string[];
  readonly prefetch: number;
  /** What kills the process that handles it. */
  readonly kills: (message: IncomingMessage, consumer: string) => boolean;
  readonly handlerTimeoutMs?: number;
  /** False: as where the broker dies with the process. */
  readonly knowsRedelivered?: boolean;
}

/**
 * Processes that die of messages: from then on nothing of them reaches the database or the broker, which delivers
 * again what they had in hand. They share a database and a broker.
 */
export const openMortalConsumers = ({
  consumers,
  prefetch,
  kills,
  handlerTimeoutMs = 20,
  knowsRedelivered = true,
}: MortalOptions) => {
  const state = createMemoryState();
  const server = new BrokerServer(systemClock);
  const topology = topologyWith(
    '',
    consumers.map((name) => ({ name, bindings: [['events', '#']] })),
  );
  const common = { clock: systemClock, ids: uuidV7Ids, logger: silentLogger };
  const connect = () => new InMemoryBroker({ ...common, topology, server, confirm: 'on-enqueue' });
  let deaths = 0;
  const transactions = { count: 0 };

  const startProcess = async () => {
    const broker = connect();
    const died = Promise.withResolvers<void>();
    let dead = false;
    const die = (): void => {
      if (dead) return;
      dead = true;
      deaths += 1;
      broker.disconnect();
      died.resolve();
    };
    const stores = openMemoryStores({
      state,
      pause: async (label) => {
        if (dead) await new Promise(() => undefined);
        if (label === 'transaction.committed') transactions.count += 1;
      },
    });
    const pipeline = new WritePipeline({
      ...common,
      unitOfWork: stores.unitOfWork,
      capacity: 10_000,
      maxBatch: 256,
      onCommitted: () => {},
    });
    const watch = new DeathWatch({
      ...common,
      register: stores.processes,
      id: uuidV7Ids.next(),
      beatMs: 100,
    });
    const lane = new CarefulLane();
    const gates = gateKeeper(systemClock.now);
    const runners = consumers.map(
      (consumer) =>
        new ConsumerRunner({
          ...common,
          handler: {
            consumer,
            queue: consumer,
            streams: ({ source }) => [`notes/${consumer}${source}`],
            handle: (session, message) => {
              session.execute(notes, `${consumer}${message.source}`, message.id);
              if (!kills(message, consumer)) return;
              die();
              throw new Error('dead');
            },
          },
          subscriber: broker,
          knowsRedelivered,
          pipeline,
          inbox: stores.inbox,
          gates,
          watch,
          lane,
          prefetch,
          handlerTimeoutMs,
        }),
    );
    for (const runner of runners) await runner.start();
    return {
      broker,
      died: died.promise,
      die,
      stop: async () => {
        if (dead) return;
        for (const runner of runners) await runner.stop();
        await watch.stop();
        await broker.close();
      },
    };
  };

  return {
    broker: connect(),
    startProcess,
    deaths: () => deaths,
    transactions,
    /** How many messages of this source took effect at this consumer. */
    effects: (consumer: string, source: string): number =>
      state.streams.get(streamKeyText({ tenant: 'default', stream: `notes/${consumer}${source}` }))?.length ??
      0,
    waiting: () => [...state.waiting.values()].flatMap((rows) => [...rows.values()]),
    deadLetters: () => [...state.outbox.values()].filter(({ exchange }) => exchange === 'dead'),
  };
};
