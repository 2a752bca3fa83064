import { connect } from 'amqplib';
import { orderflowTopology } from '../../src/app/messaging/topology.ts';
import { rabbitmqUrl } from './services.ts';

/** A stranger's view of the events exchange: what arrived, and per source in which order it was first seen. */
export interface EventListener {
  /** Messages received, repetitions included. */
  count(): number;
  /** Ids of all messages received. */
  ids(): ReadonlySet<string>;
  /** How many messages of sources that begin like this were received again. */
  repeated(sourcePrefix: string): number;
  /** The sequences of each source in the order of their first sighting. */
  firstSightings(): ReadonlyMap<string, readonly number[]>;
  /** Removes the queue, and all queues and exchanges of the service under this prefix. */
  close(): Promise<void>;
}

export const listenToEvents = async (prefix: string): Promise<EventListener> => {
  const connection = await connect(rabbitmqUrl(), { noDelay: true, timeout: 5_000 });
  const channel = await connection.createChannel();
  const exchange = `${prefix}orderflow.events`;
  await channel.assertExchange(exchange, 'topic', { durable: true });
  const { queue } = await channel.assertQueue(`${prefix}listener`, { durable: true });
  await channel.bindQueue(queue, exchange, '#');
  const ids = new Set<string>();
  const sightings = new Map<string, number[]>();
  const repetitions: string[] = [];
  let count = 0;
  await channel.consume(
    queue,
    (message) => {
      if (message === null) return;
      count += 1;
      const { id, source, sequence } = JSON.parse(message.content.toString()) as Record<string, string>;
      if (id === undefined || source === undefined) return;
      if (ids.has(id)) {
        repetitions.push(source);
        return;
      }
      ids.add(id);
      const seen = sightings.get(source);
      if (seen === undefined) sightings.set(source, [Number(sequence)]);
      else seen.push(Number(sequence));
    },
    { noAck: true },
  );
  return {
    count: () => count,
    ids: () => ids,
    repeated: (sourcePrefix) => repetitions.filter((source) => source.startsWith(sourcePrefix)).length,
    firstSightings: () => sightings,
    close: async () => {
      await channel.deleteQueue(queue);
      const topology = orderflowTopology(prefix);
      for (const { name } of topology.queues) await channel.deleteQueue(name);
      for (const { name } of topology.exchanges) await channel.deleteExchange(name);
      await connection.close();
    },
  };
};
