import { connectAmqpBroker } from '../../src/adapters/amqp/connectAmqpBroker.ts';
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { WritePipeline } from '../../src/app/commands/WritePipeline.ts';
import type { WriteModel } from '../../src/app/commands/work.ts';
import { CarefulLane } from '../../src/app/messaging/consume/CarefulLane.ts';
import { ConsumerRunner } from '../../src/app/messaging/consume/ConsumerRunner.ts';
import { DeathWatch } from '../../src/app/messaging/consume/DeathWatch.ts';
import { gateKeeper } from '../../src/app/messaging/consume/GateBook.ts';
import type { IncomingMessage } from '../../src/app/messaging/consume/incomingMessage.ts';
import type { DomainEvent } from '../../src/domain/shared/decider.ts';
import type { Topology } from '../../src/ports/broker.ts';

type Noted = DomainEvent<'Noted', { readonly note: string }>;

/** The plainest effect: one event for each message, in a stream of its source, that nobody is told of. */
const notes: WriteModel<string, Noted, number> = {
  aggregate: {
    category: 'notes',
    decider: {
      initial: 0,
      decide: (note) => ({
        ok: true,
        events: [{ type: 'Noted', at: '2026-01-01T00:00:00.000Z', data: { note } }],
      }),
      evolve: (count) => count + 1,
    },
    schemaVersion: () => 1,
    upcast: ({ time, data }) => ({ type: 'Noted', at: time, data: data as Noted['data'] }),
    isPublic: () => false,
    toPublic: () => {
      throw new Error('notes are private');
    },
  },
};

export interface BenchConsumerOptions {
  readonly url: string;
  readonly topology: Topology;
  readonly queue: string;
  /** Of the SQLite database. */
  readonly file: string;
  /** Called for every attempt; a throw fails it. */
  readonly before: (message: IncomingMessage) => void;
  readonly onCommitted: () => void;
}

/** A consumer as the service runs it, with its defaults: real runner, gate and pipeline, over SQLite and RabbitMQ. */
export const openBenchConsumer = async (options: BenchConsumerOptions) => {
  const { url, topology, queue, file, before, onCommitted } = options;
  const common = { clock: systemClock, ids: uuidV7Ids, logger: silentLogger };
  const stores = await openSqliteStores({ ...common, file, migrate: 'up' });
  const broker = connectAmqpBroker({ ...common, urls: url, topology });
  await broker.whenReady(new AbortController().signal);
  const { unitOfWork, inbox, processes } = stores;
  const pipeline = new WritePipeline({ ...common, unitOfWork, capacity: 10_000, maxBatch: 256, onCommitted });
  const watch = new DeathWatch({ ...common, register: processes, id: uuidV7Ids.next() });
  const runner = new ConsumerRunner({
    ...common,
    handler: {
      consumer: 'bench',
      queue,
      streams: ({ source }) => [`notes${source}`],
      handle: (session, message) => {
        before(message);
        session.execute(notes, message.source.slice(1), message.id);
      },
    },
    subscriber: broker,
    knowsRedelivered: true,
    pipeline,
    inbox,
    gates: gateKeeper(systemClock.now),
    watch,
    lane: new CarefulLane(),
    prefetch: 500,
    handlerTimeoutMs: 10_000,
  });
  return {
    stores,
    broker,
    start: () => runner.start(),
    stop: async (): Promise<void> => {
      await runner.stop();
      await watch.stop();
      await pipeline.stop();
    },
  };
};
