import { InMemoryBroker } from '../../src/adapters/memory/InMemoryBroker.ts';
import { createMemoryState } from '../../src/adapters/memory/memoryState.ts';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { WritePipeline } from '../../src/app/commands/WritePipeline.ts';
import type { Session } from '../../src/app/commands/work.ts';
import { CarefulLane } from '../../src/app/messaging/consume/CarefulLane.ts';
import {
  ConsumerRunner,
  type ConsumerRunnerOptions,
} from '../../src/app/messaging/consume/ConsumerRunner.ts';
import { DeathWatch } from '../../src/app/messaging/consume/DeathWatch.ts';
import { gateKeeper } from '../../src/app/messaging/consume/GateBook.ts';
import type { IncomingMessage } from '../../src/app/messaging/consume/incomingMessage.ts';
import type { Publication, Topology } from '../../src/ports/broker.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { notes } from './effects.ts';

const topology: Topology = {
  exchangeNames: { events: 'events', tasks: 'tasks', broadcast: 'broadcast', audit: 'audit', dead: 'dead' },
  exchanges: [
    { name: 'events', type: 'topic' },
    { name: 'dead', type: 'direct' },
  ],
  queues: [
    { name: 'work', arguments: {} },
    { name: 'work.dead', arguments: {} },
  ],
  bindings: [
    { source: 'events', destination: 'work', destinationType: 'queue', routingKey: '#', arguments: {} },
    {
      source: 'dead',
      destination: 'work.dead',
      destinationType: 'queue',
      routingKey: 'work.dead',
      arguments: {},
    },
  ],
};

/** A message of a source; `sequence` null puts it outside any sequence. */
export const publicationOf = (
  source: string,
  sequence: number | null,
  headers: Publication['headers'] = {},
): Publication => ({
  id: `${source}#${sequence ?? 'loose'}`,
  type: 'orderflow.order.placed.v1',
  contentType: 'application/cloudevents+json',
  payload: JSON.stringify({
    specversion: '1.0',
    id: `${source}#${sequence ?? 'loose'}`,
    type: 'orderflow.order.placed.v1',
    source,
    ...(sequence === null ? {} : { sequence: String(sequence).padStart(10, '0') }),
    data: {},
  }),
  timestamp: 1_000,
  headers: { tenant: 'default', ...headers },
  exchange: 'events',
  routingKey: 'order.placed',
  mandatory: false,
});

export type Handle = (message: IncomingMessage, session: Session) => void;

/** Consumers of one queue over in-memory adapters, whose effect is a note per message and source. */
export const openConsumerRig = () => {
  const state = createMemoryState();
  const stores = openMemoryStores({ state });
  const broker = new InMemoryBroker({
    topology,
    clock: systemClock,
    logger: silentLogger,
    confirm: 'on-enqueue',
  });
  const running: { stop(): Promise<void> }[] = [];

  /** One process: stores, pipeline and runner of its own, on the shared state and queue. */
  const startConsumer = async (
    before: Handle,
    options: Partial<ConsumerRunnerOptions> = {},
    through: (stores: Stores) => Stores = (own) => own,
  ): Promise<ConsumerRunner> => {
    const own = through(openMemoryStores({ state }));
    const pipeline = new WritePipeline({
      unitOfWork: own.unitOfWork,
      clock: systemClock,
      ids: uuidV7Ids,
      logger: silentLogger,
      capacity: 10_000,
      maxBatch: 50,
      onCommitted: () => {},
    });
    const watch = new DeathWatch({
      register: own.processes,
      id: uuidV7Ids.next(),
      clock: systemClock,
      logger: silentLogger,
      beatMs: 50,
    });
    const runner = new ConsumerRunner({
      handler: {
        consumer: 'notes',
        queue: 'work',
        streams: ({ source }) => [`notes${source}`],
        handle: (session, message) => {
          before(message, session);
          session.execute(notes, message.source.slice(1), message.id);
        },
      },
      subscriber: broker,
      knowsRedelivered: true,
      watch,
      lane: new CarefulLane(),
      pipeline,
      inbox: own.inbox,
      gates: gateKeeper(systemClock.now),
      clock: systemClock,
      ids: uuidV7Ids,
      logger: silentLogger,
      prefetch: 20,
      handlerTimeoutMs: 1_000,
      retryPolicy: { delaysMs: [5, 10, 20], maxDeaths: 2 },
      random: () => 0,
      ...options,
    });
    running.push({
      stop: async () => {
        await runner.stop();
        await watch.stop();
      },
    });
    await runner.start();
    return runner;
  };

  return {
    stores,
    broker,
    startConsumer,
    publish: (...publications: readonly Publication[]) =>
      Promise.all(publications.map((one) => broker.publish(one))),
    /** The ids of the messages that took effect, in order, for one source. */
    effects: async (source: string): Promise<readonly string[]> => {
      const events = await stores.events.readStream({ tenant: 'default', stream: `notes${source}` });
      return events.map(({ data }) => (data as { note: string }).note);
    },
    /** What the consumers published as dead, by message id. */
    deadLetters: async () =>
      [...state.outbox.values()]
        .filter(({ exchange }) => exchange === 'dead')
        .map(({ id, headers }) => ({ id, headers })),
    waiting: async () => [...state.waiting.values()].flatMap((rows) => [...rows.values()]),
    close: async () => {
      for (const runner of running) await runner.stop();
      await broker.close();
    },
  };
};
