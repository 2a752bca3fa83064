import { ContainerModule } from 'inversify';
import { connectAmqpBroker } from '../../adapters/amqp/connectAmqpBroker.ts';
import { InMemoryBroker } from '../../adapters/memory/InMemoryBroker.ts';
import { systemClock } from '../../adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../adapters/system/UuidV7Ids.ts';
import type { Broker, Topology } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ids } from '../../ports/ids.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Stores } from '../../ports/stores.ts';
import type { Config } from '../config.ts';
import { inventoryConsumer } from '../inventory/inventoryConsumer.ts';
import { stockService } from '../inventory/stockService.ts';
import { loyaltyConsumer } from '../loyalty/loyaltyConsumer.ts';
import { CarefulLane } from '../messaging/consume/CarefulLane.ts';
import { ConsumerRunner } from '../messaging/consume/ConsumerRunner.ts';
import { gateKeeper } from '../messaging/consume/GateBook.ts';
import type { MessageHandler } from '../messaging/consume/messageHandler.ts';
import { DeadLetterCollector } from '../messaging/desk/DeadLetterCollector.ts';
import { InstanceSignal } from '../messaging/operate/InstanceSignal.ts';
import { type Consumer, consumers, orderflowTopology, workQueueOf } from '../messaging/topology.ts';
import { notificationConsumer } from '../notifications/notificationConsumer.ts';
import { orderConsumer } from '../orders/orderConsumer.ts';
import { orderService } from '../orders/orderService.ts';
import { type Homes, openDatabases, settleHomes } from './homes.ts';
import { openSenders, type Senders } from './senders.ts';
import { tokens } from './tokens.ts';

/** Time and ids. */
export const systemModule = new ContainerModule(({ bind }) => {
  bind(tokens.clock).toConstantValue(systemClock);
  bind(tokens.ids).toConstantValue(uuidV7Ids);
  bind(tokens.lifecycle).toConstantValue({ draining: false });
});

/** Where events are kept, and what carries messages: chosen by the configuration. */
export const infrastructureModule = new ContainerModule(({ bind }) => {
  bind(tokens.broker)
    .toResolvedValue(openBroker, [tokens.config, tokens.topology, tokens.clock, tokens.logger])
    .inSingletonScope();
  bind(tokens.topology).toResolvedValue(topologyFor, [tokens.config]).inSingletonScope();
  bind(tokens.databases)
    .toResolvedValue(openDatabases, [tokens.config, tokens.clock, tokens.logger])
    .inSingletonScope();
  bind(tokens.instances)
    .toResolvedValue(
      (broker, clock, ids, logger) => new InstanceSignal({ broker, clock, ids, logger }),
      [tokens.broker, tokens.clock, tokens.ids, tokens.logger],
    )
    .inSingletonScope();
  bind(tokens.homes)
    .toResolvedValue(
      (databases, config, broker, topology, instances, clock, ids, logger) =>
        settleHomes(databases, { config, broker, topology, instances, clock, ids, logger }),
      [
        tokens.databases,
        tokens.config,
        tokens.broker,
        tokens.topology,
        tokens.instances,
        tokens.clock,
        tokens.ids,
        tokens.logger,
      ],
    )
    .inSingletonScope();
});

/** The application itself: knows ports only. */
export const applicationModule = new ContainerModule(({ bind }) => {
  bind(tokens.orders)
    .toResolvedValue(
      (config, homes) => {
        const { pipeline, stores, waiters } = homes.of('orders');
        const parts = { pipeline, events: stores.events, views: stores.orderViews, waiters };
        const afterMs = config.paymentDeadlineSeconds * 1000;
        const paymentDeadline = { afterMs, queue: workQueueOf(config.queuePrefix, 'orders') };
        return orderService(afterMs === 0 ? parts : { ...parts, paymentDeadline });
      },
      [tokens.config, tokens.homes],
    )
    .inSingletonScope();
  bind(tokens.stock)
    .toResolvedValue((homes) => stockService(homes.of('inventory')), [tokens.homes])
    .inSingletonScope();
  bind(tokens.consumers)
    .toResolvedValue(runnersOf, [
      tokens.config,
      tokens.broker,
      tokens.homes,
      tokens.senders,
      tokens.clock,
      tokens.ids,
      tokens.logger,
    ])
    .inSingletonScope();
  bind(tokens.senders).toResolvedValue(openSenders, [tokens.config, tokens.logger]).inSingletonScope();
  bind(tokens.collectors)
    .toResolvedValue(collectorsOf, [
      tokens.config,
      tokens.broker,
      tokens.homes,
      tokens.clock,
      tokens.ids,
      tokens.logger,
    ])
    .inSingletonScope();
});

/** What a context's consumer is made of. */
interface HandlerParts {
  readonly queue: string;
  readonly config: Config;
  /** Of the context. */
  readonly stores: Stores;
  readonly senders: Senders;
  readonly ids: Ids;
  readonly clock: Clock;
}

/** What each consumer does with the messages of its queue. */
const handlers: Readonly<Record<Consumer, (parts: HandlerParts) => MessageHandler>> = {
  orders: orderConsumer,
  inventory: ({ queue, clock, config: { unknownStock } }) =>
    inventoryConsumer({ queue, clock, unknownStock }),
  notifications: ({ queue, config, stores, senders, clock }) =>
    notificationConsumer({ queue, clock, stores, senders, ...config.notify }),
  loyalty: ({ queue, config }) => loyaltyConsumer({ queue, rates: config.loyaltyRates }),
};

const consumersOf = (config: Config): readonly Consumer[] =>
  consumers.filter((consumer) => config.roles.has(consumer));

const runnersOf = (
  config: Config,
  broker: Broker,
  homes: Homes,
  senders: Senders,
  clock: Clock,
  ids: Ids,
  logger: Logger,
): readonly ConsumerRunner[] => {
  const gates = gateKeeper(clock.now);
  const lane = new CarefulLane();
  return consumersOf(config).map((consumer) => {
    const { pipeline, stores, watch } = homes.of(consumer);
    return new ConsumerRunner({
      handler: handlers[consumer]({
        queue: workQueueOf(config.queuePrefix, consumer),
        config,
        stores,
        senders,
        ids,
        clock,
      }),
      subscriber: broker,
      knowsRedelivered: config.broker.kind !== 'memory',
      pipeline,
      watch,
      lane,
      inbox: stores.inbox,
      gates,
      clock,
      ids,
      logger,
      prefetch: prefetchOf(consumer, config),
      handlerTimeoutMs: config.handlerTimeoutMs,
    });
  });
};

/** Sending takes long, and what is in hand must get its turn within the handler's time-out. */
const maxSending = 30;

const prefetchOf = (consumer: Consumer, { consumerPrefetch, notify }: Config): number =>
  consumer === 'notifications' && notify.channels.some((channel) => channel !== 'log')
    ? Math.min(maxSending, consumerPrefetch)
    : consumerPrefetch;

const collectorsOf = (
  config: Config,
  broker: Broker,
  homes: Homes,
  clock: Clock,
  ids: Ids,
  logger: Logger,
): readonly DeadLetterCollector[] =>
  consumersOf(config).map(
    (consumer) =>
      new DeadLetterCollector({
        queue: workQueueOf(config.queuePrefix, consumer),
        subscriber: broker,
        desk: homes.of(consumer).stores.deadLetters,
        clock,
        ids,
        logger,
      }),
  );

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
    // A broker that is silent must leave time for the relay to give up its leases.
    closeTimeoutMs: Math.min(5_000, config.shutdownTimeoutMs / 5),
    publishChannels: config.publishChannels,
    publishStrategy: config.publishStrategy,
    tls: config.amqpTls,
  });
};
