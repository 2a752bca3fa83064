import { ContainerModule } from 'inversify';
import { connectAmqpBroker } from '../../adapters/amqp/connectAmqpBroker.ts';
import { createHttpServer } from '../../adapters/http/createHttpServer.ts';
import { InMemoryBroker } from '../../adapters/memory/InMemoryBroker.ts';
import { systemClock } from '../../adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../adapters/system/UuidV7Ids.ts';
import type { Broker, Topology } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ids } from '../../ports/ids.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Stores } from '../../ports/stores.ts';
import { WritePipeline } from '../commands/WritePipeline.ts';
import type { Config } from '../config.ts';
import { CommitSignal } from '../messaging/CommitSignal.ts';
import { ConsumerRunner } from '../messaging/consume/ConsumerRunner.ts';
import { gateKeeper } from '../messaging/consume/GateBook.ts';
import type { MessageHandler } from '../messaging/consume/messageHandler.ts';
import { DeadLetterCollector } from '../messaging/desk/DeadLetterCollector.ts';
import { deadLetterService } from '../messaging/desk/deadLetterService.ts';
import { RedriveWorker } from '../messaging/desk/RedriveWorker.ts';
import { OutboxRelay } from '../messaging/OutboxRelay.ts';
import { PublishedWaiters } from '../messaging/publishedWaiters.ts';
import { RetentionCleaner } from '../messaging/retentionCleaner.ts';
import {
  type Consumer,
  consumers,
  isMandatory,
  orderflowTopology,
  workQueueOf,
} from '../messaging/topology.ts';
import { orderConsumer } from '../orders/orderConsumer.ts';
import { orderService } from '../orders/orderService.ts';
import { openStores } from './openStores.ts';
import { tokens } from './tokens.ts';

const hours = 60 * 60 * 1000;
const days = 24 * hours;

/** Time and ids. */
export const systemModule = new ContainerModule(({ bind }) => {
  bind(tokens.clock).toConstantValue(systemClock);
  bind(tokens.ids).toConstantValue(uuidV7Ids);
  bind(tokens.lifecycle).toConstantValue({ draining: false });
});

/** Where events are kept, and what carries messages: chosen by the configuration. */
export const infrastructureModule = new ContainerModule(({ bind }) => {
  bind(tokens.stores)
    .toResolvedValue(openStores, [tokens.config, tokens.clock, tokens.logger])
    .inSingletonScope();
  bind(tokens.broker)
    .toResolvedValue(openBroker, [tokens.config, tokens.topology, tokens.clock, tokens.logger])
    .inSingletonScope();
  bind(tokens.topology).toResolvedValue(topologyFor, [tokens.config]).inSingletonScope();
});

/** The application itself: knows ports only. */
export const applicationModule = new ContainerModule(({ bind }) => {
  bind(tokens.commits)
    .toResolvedValue(() => new CommitSignal())
    .inSingletonScope();
  bind(tokens.pipeline)
    .toResolvedValue(
      (config, stores, clock, ids, logger, commits) =>
        new WritePipeline({
          unitOfWork: stores.unitOfWork,
          clock,
          ids,
          logger,
          capacity: config.writeQueueMax,
          maxBatch: config.writeBatchMax,
          onCommitted: () => commits.notify(),
        }),
      [tokens.config, tokens.stores, tokens.clock, tokens.ids, tokens.logger, tokens.commits],
    )
    .inSingletonScope();
  bind(tokens.waiters)
    .toResolvedValue(
      (stores, clock, logger) => new PublishedWaiters({ outbox: stores.outbox, clock, logger }),
      [tokens.stores, tokens.clock, tokens.logger],
    )
    .inSingletonScope();
  bind(tokens.orders)
    .toResolvedValue(
      (pipeline, stores, waiters) =>
        orderService({ pipeline, events: stores.events, views: stores.orderViews, waiters }),
      [tokens.pipeline, tokens.stores, tokens.waiters],
    )
    .inSingletonScope();
  bind(tokens.relay)
    .toResolvedValue(
      (config, stores, broker, topology, clock, ids, logger, waiters) =>
        new OutboxRelay({
          outbox: stores.outbox,
          leases: stores.leases,
          publisher: broker,
          clock,
          logger,
          owner: ids.next(),
          isMandatory: isMandatory(topology),
          onPublished: waiters.onPublished,
          settings: { window: config.relayWindow },
        }),
      [
        tokens.config,
        tokens.stores,
        tokens.broker,
        tokens.topology,
        tokens.clock,
        tokens.ids,
        tokens.logger,
        tokens.waiters,
      ],
    )
    .inSingletonScope();
  bind(tokens.consumers)
    .toResolvedValue(
      (config, broker, pipeline, stores, clock, ids, logger) => {
        const gates = gateKeeper(clock.now);
        return consumersOf(config).map(
          (consumer) =>
            new ConsumerRunner({
              handler: handlers[consumer](workQueueOf(config.queuePrefix, consumer), ids),
              subscriber: broker,
              pipeline,
              inbox: stores.inbox,
              gates,
              clock,
              ids,
              logger,
              prefetch: config.consumerPrefetch,
              handlerTimeoutMs: config.handlerTimeoutMs,
            }),
        );
      },
      [tokens.config, tokens.broker, tokens.pipeline, tokens.stores, tokens.clock, tokens.ids, tokens.logger],
    )
    .inSingletonScope();
  bind(tokens.redriver)
    .toResolvedValue(
      (stores, clock, ids, logger, commits) =>
        new RedriveWorker({
          unitOfWork: stores.unitOfWork,
          desk: stores.deadLetters,
          clock,
          ids,
          logger,
          onCommitted: () => commits.notify(),
        }),
      [tokens.stores, tokens.clock, tokens.ids, tokens.logger, tokens.commits],
    )
    .inSingletonScope();
  bind(tokens.deadLetters)
    .toResolvedValue(
      (stores, clock, ids, commits, redriver) =>
        deadLetterService({
          unitOfWork: stores.unitOfWork,
          desk: stores.deadLetters,
          clock,
          ids,
          onCommitted: () => commits.notify(),
          onJob: () => redriver.wake(),
        }),
      [tokens.stores, tokens.clock, tokens.ids, tokens.commits, tokens.redriver],
    )
    .inSingletonScope();
  bind(tokens.collectors)
    .toResolvedValue(
      (config, broker, stores, clock, ids, logger) =>
        consumersOf(config).map(
          (consumer) =>
            new DeadLetterCollector({
              queue: workQueueOf(config.queuePrefix, consumer),
              subscriber: broker,
              desk: stores.deadLetters,
              clock,
              ids,
              logger,
            }),
        ),
      [tokens.config, tokens.broker, tokens.stores, tokens.clock, tokens.ids, tokens.logger],
    )
    .inSingletonScope();
  bind(tokens.cleaner)
    .toResolvedValue(
      (config, stores, clock, logger) =>
        new RetentionCleaner({
          outbox: stores.outbox,
          idempotency: stores.idempotencyCleaner,
          inbox: stores.inboxCleaner,
          clock,
          logger,
          outboxRetentionMs: config.outboxRetentionHours * hours,
          idempotencyTtlMs: config.idempotencyTtlHours * hours,
          seenRetentionMs: config.inboxRetentionDays * days,
        }),
      [tokens.config, tokens.stores, tokens.clock, tokens.logger],
    )
    .inSingletonScope();
});

/** The way in for clients. */
export const httpModule = new ContainerModule(({ bind }) => {
  bind(tokens.http)
    .toResolvedValue(
      (config, orders, commits, deadLetters, clock, ids, logger, stores, lifecycle) =>
        createHttpServer(
          {
            orders,
            commits,
            deadLetters,
            inbox: stores.inbox,
            clock,
            ids,
            logger,
            health: health(stores, lifecycle),
          },
          { maxStreams: config.eventStreamsMax },
        ),
      [
        tokens.config,
        tokens.orders,
        tokens.commits,
        tokens.deadLetters,
        tokens.clock,
        tokens.ids,
        tokens.logger,
        tokens.stores,
        tokens.lifecycle,
      ],
    )
    .inSingletonScope();
});

const health = (stores: Stores, lifecycle: { readonly draining: boolean }) => ({
  ping: async () => {
    await stores.ping();
    return true;
  },
  draining: () => lifecycle.draining,
});

/** What each consumer does with the messages of its queue. */
const handlers: Readonly<Record<Consumer, (queue: string, ids: Ids) => MessageHandler>> = {
  orders: orderConsumer,
};

const consumersOf = (config: Config): readonly Consumer[] =>
  consumers.filter((consumer) => config.roles.has(consumer));

/**
 * The in-memory broker serves this process alone: messages to a queue that nobody here consumes would never be
 * confirmed.
 */
const topologyFor = (config: Config): Topology =>
  config.broker.kind === 'memory'
    ? orderflowTopology(config.queuePrefix, consumersOf(config))
    : orderflowTopology(config.queuePrefix);

const openBroker = (config: Config, topology: Topology, clock: Clock, logger: Logger): Broker => {
  if (config.broker.kind === 'memory') {
    // Confirmed once consumed: what no consumer has handled yet stays in the outbox, and survives a crash there.
    return new InMemoryBroker({ topology, clock, logger, confirm: 'on-consumed' });
  }
  return connectAmqpBroker({
    urls: config.broker.urls.join(','),
    topology,
    clock,
    logger,
    confirmTimeoutMs: config.confirmTimeoutMs,
  });
};
