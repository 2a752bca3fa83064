import type { Broker, Topology } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { ConnectionSettings } from './AmqpConnection.ts';
import { AmqpPublisher } from './AmqpPublisher.ts';
import { AmqpSubscriber } from './AmqpSubscriber.ts';
import { type Backoff, reconnectBackoff } from './backoff.ts';
import { brokerAddresses } from './brokerAddresses.ts';
import type { PublishStrategy } from './ChannelPool.ts';
import type { TlsFiles } from './tlsFiles.ts';

export interface AmqpBrokerOptions {
  /** AMQP URLs of the nodes, separated by commas. Which comes first is drawn anew for each attempt. */
  readonly urls: string;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Names the connections at the broker. Default `orderflow`. */
  readonly connectionName?: string;
  /** Per host. Default 5 s. */
  readonly connectTimeoutMs?: number;
  /** For declaring the topology and opening a channel. Default 15 s. */
  readonly setupTimeoutMs?: number;
  /** Without it a publication counts as lost, and the channel is replaced. Default 10 s. */
  readonly confirmTimeoutMs?: number;
  /** Confirm channels on the publishing connection. Default 1. */
  readonly publishChannels?: number;
  /** Which of them a stream with nothing in flight takes. Default `hash`. */
  readonly publishStrategy?: PublishStrategy;
  /** `close` takes no longer, nor does the cancel of a subscription. Default 5 s. */
  readonly closeTimeoutMs?: number;
  /** A `heartbeat` parameter of a URL goes before this. Default 10 s. */
  readonly heartbeatSeconds?: number;
  /** For `amqps:` URLs. */
  readonly tls?: TlsFiles;
  /** Between attempts to connect, with full jitter. Default `reconnectBackoff`. */
  readonly backoff?: Backoff;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

/**
 * A broker over AMQP 0-9-1. Starts to connect, and does not wait for it: a broker that is away is no failure, but a
 * state. Throws `BrokerFailure` only for a URL that is none.
 */
export const connectAmqpBroker = (options: AmqpBrokerOptions): Broker => {
  const name = options.connectionName ?? 'orderflow';
  const settings: Omit<ConnectionSettings, 'name'> & { readonly topology: Topology } = {
    addresses: brokerAddresses(options.urls),
    topology: options.topology,
    clock: options.clock,
    logger: options.logger,
    connectTimeoutMs: options.connectTimeoutMs ?? 5000,
    setupTimeoutMs: options.setupTimeoutMs ?? 15_000,
    tls: options.tls ?? {},
    heartbeatSeconds: options.heartbeatSeconds ?? 10,
    backoff: options.backoff ?? reconnectBackoff,
    random: options.random ?? Math.random,
  };
  const closeTimeoutMs = options.closeTimeoutMs ?? 5000;
  const publisher = new AmqpPublisher({
    ...settings,
    name: `${name} (publisher)`,
    confirmTimeoutMs: options.confirmTimeoutMs ?? 10_000,
    channels: options.publishChannels ?? 1,
    strategy: options.publishStrategy ?? 'hash',
  });
  const subscriberName = `${name} (subscriber)`;
  const subscriber = new AmqpSubscriber({
    ...settings,
    name: subscriberName,
    cancelTimeoutMs: closeTimeoutMs,
  });
  publisher.start();
  subscriber.start();

  let closing: Promise<unknown> | null = null;
  return {
    get state() {
      return publisher.state;
    },
    whenReady: (signal) => publisher.whenReady(signal),
    publish: (publication) => publisher.publish(publication),
    redeclare: () => publisher.redeclare(),
    subscribe: (queue, subscription, onDelivery) => subscriber.subscribe(queue, subscription, onDelivery),
    listen: (exchange, onMessage) => subscriber.listen(exchange, onMessage),
    close: async () => {
      closing ??= Promise.all([publisher.close(closeTimeoutMs), subscriber.close(closeTimeoutMs)]);
      await closing;
    },
  };
};
