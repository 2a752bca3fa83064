import type { ChannelModel } from 'amqplib';
import { BrokerFailure } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import { brokerAddresses } from './brokerAddresses.ts';
import { settledWithin, within } from './deadline.ts';
import { TopologyRefused } from './declareTopology.ts';
import { describeError } from './describeError.ts';
import { dropConnection, openConnection } from './openConnection.ts';
import type { TlsFiles } from './tlsFiles.ts';

export interface BrokerConnectionOptions {
  /** AMQP URLs of the nodes, separated by commas; the first that answers is taken. */
  readonly urls: string;
  /** For `amqps:` URLs. */
  readonly tls?: TlsFiles;
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
    dropConnection(connection);
  }
};

const connectToAny = async (options: BrokerConnectionOptions) => {
  const { urls, clock, connectTimeoutMs: timeoutMs = 5000, tls = {} } = options;
  const name = 'orderflow (command line)';
  const failures: string[] = [];
  for (const address of brokerAddresses(urls)) {
    try {
      const opening = { clock, timeoutMs, name, tls, onError: () => undefined };
      return { connection: await openConnection(address, opening), label: address.label };
    } catch (error) {
      failures.push(`${address.label}: ${describeError(error)}`);
    }
  }
  throw new BrokerFailure(`cannot connect to the broker at ${failures.join('; ')}`);
};
