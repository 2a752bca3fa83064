import { type ChannelModel, connect } from 'amqplib';
import type { Exchange } from '../../../src/adapters/memory/routing.ts';
import type { HeaderValue } from '../../../src/ports/broker.ts';
import { rabbitmqUrl, uniquePrefix } from '../../support/services.ts';

export interface RoutedProbe {
  readonly exchange: string;
  readonly routingKey: string;
  readonly headers: Readonly<Record<string, HeaderValue>>;
}

/** Asks a real RabbitMQ which queues each probe reaches; all that it declares goes away with its connection. */
export const realRouting = async (
  exchanges: ReadonlyMap<string, Exchange>,
  probes: readonly RoutedProbe[],
): Promise<readonly (readonly string[])[]> => {
  const connection = await connect(rabbitmqUrl(), { noDelay: true, timeout: 5000 });
  try {
    return await ask(connection, exchanges, probes);
  } finally {
    await connection.close();
  }
};

const ask = async (
  connection: ChannelModel,
  exchanges: ReadonlyMap<string, Exchange>,
  probes: readonly RoutedProbe[],
): Promise<readonly (readonly string[])[]> => {
  const prefix = uniquePrefix();
  const channel = await connection.createConfirmChannel();
  for (const [name, { type }] of exchanges) {
    await channel.assertExchange(prefix + name, type, { durable: false, autoDelete: false });
  }
  const bindings = [...exchanges].flatMap(([source, exchange]) =>
    exchange.bindings.map((binding) => ({ source, ...binding })),
  );
  const queues = new Set(bindings.filter((b) => b.destinationType === 'queue').map((b) => b.destination));
  for (const name of queues) {
    await channel.assertQueue(prefix + name, { durable: false, exclusive: true });
  }
  for (const { source, destination, destinationType, routingKey, arguments: args } of bindings) {
    const bind = destinationType === 'queue' ? channel.bindQueue : channel.bindExchange;
    await bind.call(channel, prefix + destination, prefix + source, routingKey, args);
  }
  for (const [index, probe] of probes.entries()) {
    channel.publish(prefix + probe.exchange, probe.routingKey, Buffer.from(String(index)), {
      headers: probe.headers,
    });
  }
  await channel.waitForConfirms();
  const reached: string[][] = probes.map(() => []);
  for (const name of queues) {
    const { messageCount } = await channel.checkQueue(prefix + name);
    let left = messageCount;
    const emptied = Promise.withResolvers<void>();
    if (left === 0) emptied.resolve();
    const receive = (message: { readonly content: Buffer } | null): void => {
      if (message !== null) reached[Number(message.content.toString())]!.push(name);
      left -= 1;
      if (left === 0) emptied.resolve();
    };
    await channel.consume(prefix + name, receive, { noAck: true });
    await emptied.promise;
  }
  for (const name of exchanges.keys()) await channel.deleteExchange(prefix + name);
  return reached;
};
