import { type Channel, connect } from 'amqplib';
import { declareTopology } from '../../src/adapters/amqp/declareTopology.ts';
import { orderflowTopology } from '../../src/app/messaging/topology.ts';
import type { Topology } from '../../src/ports/broker.ts';

export const watchQueue = (prefix: string): string => `${prefix}watch`;

/** The service's exchanges, and one quorum queue that takes what matches the routing key. */
export const watchTopology = (prefix: string, routingKey: string): Topology => {
  const { exchangeNames, exchanges } = orderflowTopology(prefix);
  const queue = watchQueue(prefix);
  return {
    exchangeNames,
    exchanges,
    queues: [{ name: queue, arguments: { 'x-queue-type': 'quorum' } }],
    bindings: [
      {
        source: exchangeNames.events,
        destination: queue,
        destinationType: 'queue',
        routingKey,
        arguments: {},
      },
    ],
  };
};

/** A connection beside those that are measured. */
export interface Rabbitmq {
  readonly channel: Channel;
  /** Declares the exchange of the events and the queue that watches it. */
  declareWatch(routingKey: string): Promise<void>;
  /** Declares all that the service declares. */
  declareService(): Promise<void>;
  /** Deletes all that carries the prefix, and disconnects. */
  close(): Promise<void>;
}

export const openRabbitmq = async (url: string, prefix: string): Promise<Rabbitmq> => {
  const connection = await connect(url, { noDelay: true, timeout: 5_000 });
  connection.on('error', () => undefined);
  const channel = await connection.createChannel();
  return {
    channel,
    declareWatch: (routingKey) => declareTopology(connection, watchTopology(prefix, routingKey)),
    declareService: () => declareTopology(connection, orderflowTopology(prefix)),
    close: async () => {
      const { exchanges, queues } = orderflowTopology(prefix);
      for (const { name } of queues) await channel.deleteQueue(name);
      await channel.deleteQueue(watchQueue(prefix));
      for (const { name } of exchanges) await channel.deleteExchange(name);
      await connection.close();
    },
  };
};

/** Null when a broker answers at the URL, else why not. Names no credentials. */
export const whyUnreachable = async (url: string): Promise<string | null> => {
  try {
    const connection = await connect(url, { timeout: 3_000 });
    connection.on('error', () => undefined);
    await connection.close();
    return null;
  } catch (error) {
    const { host } = new URL(url);
    return `no RabbitMQ at ${host}: ${error instanceof Error ? error.message : String(error)}`;
  }
};
