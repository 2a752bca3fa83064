import type { Topology } from '../../ports/broker.ts';
import type { ExchangeName } from '../../ports/outbox.ts';
import { topicMatches } from '../../ports/topicMatches.ts';

/**
 * Who has a work queue, and which public events come to it: every event of the streams that the consumer follows,
 * also those that it ignores, so that their sequences have no gaps.
 */
export const followed = {
  orders: 'inventory.#',
  inventory: 'order.#',
  loyalty: 'order.#',
  notifications: 'order.#',
} as const;

export type Consumer = keyof typeof followed;

export const consumers = Object.keys(followed) as Consumer[];

export const workQueueOf = (prefix: string, consumer: Consumer): string => `${prefix}orderflow.${consumer}`;

/** Where a queue's dead letters go; also their routing key. */
export const deadQueueOf = (queue: string): string => `${queue}.dead`;

/**
 * The one declaration of what the broker must have. The AMQP adapter and the in-memory broker both read it. Every
 * name starts with `prefix`, so that several installations, or test runs, can share one broker.
 */
export const orderflowTopology = (prefix: string, declared: readonly Consumer[] = consumers): Topology => {
  const exchangeNames: Record<ExchangeName, string> = {
    events: `${prefix}orderflow.events`,
    tasks: `${prefix}orderflow.tasks`,
    broadcast: `${prefix}orderflow.broadcast`,
    audit: `${prefix}orderflow.audit`,
    dead: `${prefix}orderflow.dead`,
  };
  const work = declared.map((consumer) => ({
    name: workQueueOf(prefix, consumer),
    follows: followed[consumer],
  }));
  const dead = work.map(({ name }) => deadQueueOf(name));
  const toQueue = (source: string, queue: string, routingKey: string): Topology['bindings'][number] => ({
    source,
    destination: queue,
    destinationType: 'queue',
    routingKey,
    arguments: {},
  });
  return {
    exchangeNames,
    exchanges: [
      { name: exchangeNames.events, type: 'topic' },
      { name: exchangeNames.tasks, type: 'direct' },
      { name: exchangeNames.broadcast, type: 'fanout' },
      { name: exchangeNames.audit, type: 'headers' },
      { name: exchangeNames.dead, type: 'direct' },
    ],
    queues: [
      ...work.map(({ name }) => ({ name, arguments: workQueueArguments(exchangeNames.dead, name) })),
      ...dead.map((name) => ({ name, arguments: deadQueueArguments })),
    ],
    bindings: [
      {
        source: exchangeNames.events,
        destination: exchangeNames.audit,
        destinationType: 'exchange',
        routingKey: '#',
        arguments: {},
      },
      ...work.map(({ name, follows }) => toQueue(exchangeNames.events, name, follows)),
      ...work.map(({ name }) => toQueue(exchangeNames.tasks, name, name)),
      ...dead.map((name) => toQueue(exchangeNames.dead, name, name)),
    ],
  };
};

/**
 * Our own retries and dead letters strike long before the delivery limit. Without both the strategy and the overflow
 * that it needs, the broker's dead-lettering may lose messages
 * (https://www.rabbitmq.com/docs/quorum-queues#dead-lettering).
 */
const workQueueArguments = (deadExchange: string, name: string) => ({
  'x-queue-type': 'quorum',
  'x-delivery-limit': 1_000,
  'x-dead-letter-exchange': deadExchange,
  'x-dead-letter-routing-key': deadQueueOf(name),
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
});

/**
 * A dead letter that the database refuses is given back again and again, until somebody mends what is wrong. RabbitMQ 4
 * would drop it after 20 times, as there is nowhere left for it to go; a limit of its own keeps it for a year.
 */
const deadQueueArguments = { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000 };

/**
 * Whether a queue gets messages with a routing key. What others have bound their queues for nobody here knows: such a
 * queue counts as one that gets everything.
 */
export const receives =
  ({ bindings, exchangeNames }: Topology) =>
  (queue: string, routingKey: string): boolean => {
    const bound = bindings.filter(
      ({ source, destination }) => source === exchangeNames.events && destination === queue,
    );
    return bound.length === 0 || bound.some((binding) => topicMatches(binding.routingKey, routingKey));
  };

/**
 * Whether somebody must take a message: one to a single queue by its name, and one that a declared queue is bound
 * for, so that a return shows a missing topology. What only strangers' queues may take is not mandatory: they come and
 * go.
 */
export const isMandatory =
  (topology: Topology) =>
  (exchange: ExchangeName, routingKey: string): boolean =>
    exchange === 'tasks' ||
    topology.bindings.some(
      (binding) =>
        binding.destinationType === 'queue' &&
        binding.source === topology.exchangeNames[exchange] &&
        topicMatches(binding.routingKey, routingKey),
    );
