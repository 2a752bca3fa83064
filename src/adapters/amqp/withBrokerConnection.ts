import type { Duplex } from 'node:stream';
import { type ChannelModel, connect } from 'amqplib';
import { BrokerFailure } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import { type BrokerAddress, brokerAddresses } from './brokerAddresses.ts';
import { settledWithin, within } from './deadline.ts';
import { TopologyRefused } from './declareTopology.ts';
import { describeError } from './describeError.ts';

export interface BrokerConnectionOptions {
  /** AMQP URLs of the nodes, separated by commas; the first that answers is taken. */
  readonly urls: string;
  readonly clock: Clock;
  /** Per host. Default 5 s. */
  readonly connectTimeoutMs?: number;
  /** For all of the work. Default 15 s. */
  readonly workTimeoutMs?: number;
}

const closeTimeoutMs = 1000;

/**
 * Works on one connection of its own and closes it, for a command that is run once: a broker that is away, or falls
 * silent, is a `BrokerFailure` within a bounded time. `broker` is its address without credentials.
 */
export const withBrokerConnection = async <T>(
  options: BrokerConnectionOptions,
  work: (connection: ChannelModel, broker: string) => Promise<T>,
): Promise<T> => {
  const { clock, workTimeoutMs = 15_000 } = options;
  const { connection, label } = await connectToAny(options);
  try {
    const late = `the broker did not answer within ${workTimeoutMs} ms`;
    return await within(clock, workTimeoutMs, work(connection, label), late);
  } catch (error) {
    if (error instanceof TopologyRefused || error instanceof BrokerFailure) throw error;
    throw new BrokerFailure(`${label}: ${describeError(error)}`, { cause: error });
  } finally {
    // It never settles when the socket dies during it, and throws when that happened before.
    const closed = Promise.resolve().then(() => connection.close());
    await settledWithin(clock, closeTimeoutMs, closed);
    destroy(connection);
  }
};

const connectToAny = async (options: BrokerConnectionOptions) => {
  const failures: string[] = [];
  for (const address of brokerAddresses(options.urls)) {
    try {
      return { connection: await connectTo(address, options), label: address.label };
    } catch (error) {
      failures.push(`${address.label}: ${describeError(error)}`);
    }
  }
  throw new BrokerFailure(`cannot connect to the broker at ${failures.join('; ')}`);
};

const connectTo = async (
  { url }: BrokerAddress,
  { clock, connectTimeoutMs = 5000 }: BrokerConnectionOptions,
): Promise<ChannelModel> => {
  const connecting = connect(url, {
    noDelay: true,
    timeout: connectTimeoutMs,
    clientProperties: { connection_name: 'orderflow (command line)' },
  }).then((connection) => {
    // Without a listener, the first error would be thrown into the event loop.
    connection.on('error', () => undefined);
    return connection;
  });
  try {
    // The library's timeout is for silence; a server that dribbles is caught by ours.
    return await within(clock, connectTimeoutMs, connecting, `no answer within ${connectTimeoutMs} ms`);
  } catch (error) {
    connecting.then(destroy, () => undefined);
    throw error;
  }
};

/** The socket: the library has no other way to end a connection at once (amqplib 2.3.1, lib/connection.js). */
const destroy = (connection: ChannelModel): void => {
  (connection.connection as unknown as { readonly stream: Duplex }).stream.destroy();
};
