import { connectAmqpBroker } from '../../src/adapters/amqp/connectAmqpBroker.ts';
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { WritePipeline } from '../../src/app/commands/WritePipeline.ts';
import { CarefulLane } from '../../src/app/messaging/consume/CarefulLane.ts';
import {
  ConsumerRunner,
  type ConsumerRunnerOptions,
} from '../../src/app/messaging/consume/ConsumerRunner.ts';
import { DeathWatch } from '../../src/app/messaging/consume/DeathWatch.ts';
import { gateKeeper } from '../../src/app/messaging/consume/GateBook.ts';
import type { IncomingMessage } from '../../src/app/messaging/consume/incomingMessage.ts';
import { DeadLetterCollector } from '../../src/app/messaging/desk/DeadLetterCollector.ts';
import { deadLetterService } from '../../src/app/messaging/desk/deadLetterService.ts';
import { redriveJobs } from '../../src/app/messaging/desk/redriveJobs.ts';
import { OutboxRelay } from '../../src/app/messaging/OutboxRelay.ts';
import { JobWorker } from '../../src/app/messaging/operate/JobWorker.ts';
import { isMandatory, orderflowTopology, workQueueOf } from '../../src/app/messaging/topology.ts';
import { notes } from './effects.ts';
import { rabbitmqUrl } from './services.ts';

export interface RealConsumerOptions {
  readonly prefix: string;
  readonly file: string;
  /** Called before a message takes effect; a throw is the failure of the attempt. */
  readonly before: (message: IncomingMessage) => void;
  readonly retryPolicy: NonNullable<ConsumerRunnerOptions['retryPolicy']>;
}

/**
 * A consumer of the orders' queue with all that belongs to it: RabbitMQ, SQLite, relay, desk. Its effect is a note per
 * message in a stream per source.
 */
export const startRealConsumer = async ({ prefix, file, before, retryPolicy }: RealConsumerOptions) => {
  const common = { clock: systemClock, ids: uuidV7Ids, logger: silentLogger };
  const topology = orderflowTopology(prefix);
  const queue = workQueueOf(prefix, 'orders');
  const stores = await openSqliteStores({ ...common, file, migrate: 'up' });
  const { unitOfWork, outbox, leases, deadLetters: desk } = stores;
  const broker = connectAmqpBroker({ ...common, urls: rabbitmqUrl(), topology, confirmTimeoutMs: 10_000 });
  const relay = new OutboxRelay({
    ...common,
    outbox,
    leases,
    publisher: broker,
    owner: uuidV7Ids.next(),
    isMandatory: isMandatory(topology),
  });
  let commits = 0;
  const onCommitted = (): void => {
    commits += 1;
    relay.wake();
  };
  const pipeline = new WritePipeline({ ...common, unitOfWork, capacity: 10_000, maxBatch: 256, onCommitted });
  const watch = new DeathWatch({ ...common, register: stores.processes, id: uuidV7Ids.next() });
  const runner = new ConsumerRunner({
    ...common,
    handler: {
      consumer: 'orders',
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
    inbox: stores.inbox,
    gates: gateKeeper(systemClock.now),
    watch,
    lane: new CarefulLane(),
    prefetch: 500,
    handlerTimeoutMs: 10_000,
    retryPolicy,
  });
  const redriver = new JobWorker({
    ...common,
    kind: redriveJobs({ ...common, unitOfWork, desk, onCommitted }),
  });
  const collector = new DeadLetterCollector({ ...common, queue, subscriber: broker, desk });
  relay.start();
  redriver.start();
  await Promise.all([runner.start(), collector.start()]);
  return {
    queue,
    topology,
    stores,
    /** Batches that were committed, a message alone being one as well. */
    commits: () => commits,
    deadLetters: deadLetterService({
      ...common,
      unitOfWork,
      desk,
      onCommitted,
      onJob: () => redriver.wake(),
    }),
    stop: async (): Promise<void> => {
      await Promise.all([runner.stop(), collector.stop()]);
      await watch.stop();
      await redriver.stop();
      await pipeline.stop();
      await relay.stop({ deadlineMs: 10_000 });
      await broker.close();
      await stores.close();
    },
  };
};
