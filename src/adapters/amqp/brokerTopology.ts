import type { Channel, ChannelModel } from 'amqplib';
import type { Topology } from '../../ports/broker.ts';
import { declareTopology } from './declareTopology.ts';
import { type BrokerConnectionOptions, withBrokerConnection } from './withBrokerConnection.ts';

/** Names of declared exchanges and queues that the broker does not have. */
export interface MissingNames {
  readonly exchanges: ReadonlySet<string>;
  readonly queues: ReadonlySet<string>;
}

interface AtBroker {
  /** The address of the node that answered, without credentials. */
  readonly broker: string;
  readonly missing: MissingNames;
}

/** Declares the topology once, and says what of it was missing before. Throws `TopologyRefused`, `BrokerFailure`. */
export const applyTopology = (options: BrokerConnectionOptions, topology: Topology): Promise<AtBroker> =>
  withBrokerConnection(options, async (connection, broker) => {
    const missing = await missingNames(connection, topology);
    await declareTopology(connection, topology);
    return { broker, missing };
  });

/**
 * What is missing, found with passive declarations, which change nothing. They look at names only: AMQP 0-9-1 has no
 * way to read types, arguments and bindings. Throws `BrokerFailure`.
 */
export const findMissing = (options: BrokerConnectionOptions, topology: Topology): Promise<AtBroker> =>
  withBrokerConnection(options, async (connection, broker) => ({
    broker,
    missing: await missingNames(connection, topology),
  }));

const missingNames = async (connection: ChannelModel, topology: Topology): Promise<MissingNames> => {
  const exchanges = new Set<string>();
  const queues = new Set<string>();
  for (const { name } of topology.exchanges) {
    if (!(await isThere(connection, (channel) => channel.checkExchange(name)))) exchanges.add(name);
  }
  for (const { name } of topology.queues) {
    if (!(await isThere(connection, (channel) => channel.checkQueue(name)))) queues.add(name);
  }
  return { exchanges, queues };
};

/** AMQP 0-9-1 reply codes. */
const notFound = 404;
/** It is there, and belongs to another connection. */
const resourceLocked = 405;

/** On a channel of its own, because a refusal closes the channel. */
const isThere = async (
  connection: ChannelModel,
  check: (channel: Channel) => Promise<unknown>,
): Promise<boolean> => {
  const channel = await connection.createChannel();
  // The refusal also rejects the check; without a listener it would break the connection.
  channel.on('error', () => undefined);
  try {
    await check(channel);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === notFound) return false;
    if (code === resourceLocked) return true;
    throw error;
  }
  await channel.close();
  return true;
};
