import type { Channel, ChannelModel } from 'amqplib';
import type { Topology } from '../../ports/broker.ts';
import { describeError } from './describeError.ts';

/** The broker refuses a part of the topology. The message names it, and says what to do. */
export class TopologyRefused extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TopologyRefused';
  }
}

/**
 * Declares exchanges, queues and bindings, all durable; what is there already in the same shape stays as it is. Uses
 * a channel of its own, because a refusal closes the channel.
 */
export const declareTopology = async (connection: ChannelModel, topology: Topology): Promise<void> => {
  const channel = await connection.createChannel();
  // The refusal also rejects the call below, which knows more; without a listener it would break the connection.
  channel.on('error', () => undefined);
  for (const { name, type } of topology.exchanges) {
    await naming(`exchange "${name}"`, () => channel.assertExchange(name, type, { durable: true }));
  }
  for (const queue of topology.queues) {
    const options = { durable: true, arguments: queue.arguments };
    await naming(`queue "${queue.name}"`, () => channel.assertQueue(queue.name, options));
  }
  for (const binding of topology.bindings) await declareBinding(channel, binding);
  await channel.close();
};

const declareBinding = (channel: Channel, binding: Topology['bindings'][number]): Promise<unknown> => {
  const { source, destination, destinationType, routingKey, arguments: args } = binding;
  const what = `binding "${routingKey}" of ${destinationType} "${destination}" to exchange "${source}"`;
  return naming(what, () =>
    destinationType === 'queue'
      ? channel.bindQueue(destination, source, routingKey, args)
      : channel.bindExchange(destination, source, routingKey, args),
  );
};

/** AMQP 0-9-1 reply codes. */
const accessRefused = 403;
const notFound = 404;
const preconditionFailed = 406;

const naming = async (what: string, declare: () => Promise<unknown>): Promise<unknown> => {
  try {
    return await declare();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const advice = adviceFor(code);
    if (advice === undefined) throw error;
    throw new TopologyRefused(`the broker refuses the ${what}: ${describeError(error)}. ${advice}`, {
      cause: error,
    });
  }
};

const adviceFor = (code: unknown): string | undefined => {
  switch (code) {
    case preconditionFailed:
      return (
        'If it exists in another shape, let it drain and delete it, or use another queue prefix; ' +
        'if an argument is not known, update the broker'
      );
    case accessRefused:
      return 'Give the user of the broker URL the configure, write and read permission for it';
    case notFound:
      return 'Check that the node that holds it is up';
    default:
      return undefined;
  }
};
