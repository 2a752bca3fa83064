import { type Channel, type ChannelModel, connect } from 'amqplib';
import type { Topology } from '../../src/ports/broker.ts';
import { FaultyProxy } from './faultyProxy.ts';
import { rabbitmqUrl } from './services.ts';

/** A plain connection beside the adapter under test. */
export interface RabbitmqAdmin {
  readonly connection: ChannelModel;
  readonly channel: Channel;
  remove(topology: Topology): Promise<void>;
  close(): Promise<void>;
}

export const rabbitmqAdmin = async (): Promise<RabbitmqAdmin> => {
  const connection = await connect(rabbitmqUrl(), { noDelay: true, timeout: 5000 });
  const channel = await connection.createChannel();
  return {
    connection,
    channel,
    remove: async (topology) => {
      for (const { name } of topology.queues) await channel.deleteQueue(name);
      for (const { name } of topology.exchanges) await channel.deleteExchange(name);
    },
    close: () => connection.close(),
  };
};

/** A proxy in front of the RabbitMQ of the tests, and the URL that leads through it. */
export const rabbitmqProxy = async (): Promise<{ readonly proxy: FaultyProxy; readonly url: string }> => {
  const url = new URL(rabbitmqUrl());
  const proxy = await FaultyProxy.start({ host: url.hostname, port: Number(url.port || 5672) });
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  return { proxy, url: url.href };
};
