import type { ChannelModel } from 'amqplib';
import {
  BrokerFailure,
  type BrokerMessage,
  type Delivery,
  type Subscription,
  type Topology,
} from '../../ports/broker.ts';
import type { ExchangeName } from '../../ports/outbox.ts';
import { AmqpConnection, type ConnectionSettings } from './AmqpConnection.ts';
import { AmqpSubscription } from './AmqpSubscription.ts';
import { fullJitter } from './backoff.ts';
import type { ConsumerSettings } from './ConsumerSession.ts';
import { settledWithin } from './deadline.ts';
import { declareTopology } from './declareTopology.ts';
import { describeError } from './describeError.ts';

export interface SubscriberSettings extends ConnectionSettings {
  readonly topology: Topology;
  /** For one subscription. */
  readonly cancelTimeoutMs: number;
}

/** Hints are handed over at once; more than a few are never under way. */
const listenPrefetch = 100;

/** Consumes on a connection of its own, which a broker under alarm does not block. */
export class AmqpSubscriber {
  private readonly settings: SubscriberSettings;
  private readonly link: AmqpConnection;
  private readonly subscriptions = new Set<AmqpSubscription>();
  private connection: ChannelModel | null = null;
  private closed = false;

  constructor(settings: SubscriberSettings) {
    this.settings = settings;
    this.link = new AmqpConnection(settings, {
      up: (connection) => this.up(connection),
      down: () => {
        this.connection = null;
      },
      blocked: () => undefined,
      unblocked: () => undefined,
    });
  }

  start(): void {
    this.link.start();
  }

  /** Waits for the connection where there is none. */
  subscribe(
    queue: string,
    { prefetch }: { readonly prefetch: number },
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Subscription> {
    return this.begin({ queue, prefetch, onDelivery });
  }

  listen(exchange: ExchangeName, onMessage: (message: BrokerMessage) => void): Promise<Subscription> {
    const ownQueueAt = this.settings.topology.exchangeNames[exchange];
    return this.begin({
      queue: `own queue at ${ownQueueAt}`,
      ownQueueAt,
      prefetch: listenPrefetch,
      onDelivery: (delivery) => {
        delivery.ack();
        onMessage(delivery);
      },
    });
  }

  private async begin(wanted: Omit<ConsumerSettings, 'logger'>): Promise<Subscription> {
    if (this.closed) throw new BrokerFailure('the broker connection is closed');
    const { logger, clock, cancelTimeoutMs } = this.settings;
    const subscription = new AmqpSubscription({ ...wanted, logger }, clock, cancelTimeoutMs);
    this.subscriptions.add(subscription);
    if (this.connection !== null) void this.keep(subscription, this.connection);
    try {
      await subscription.established;
    } catch (error) {
      this.subscriptions.delete(subscription);
      throw error;
    }
    let cancelling: Promise<void> | null = null;
    const cancel = (): Promise<void> => {
      this.subscriptions.delete(subscription);
      cancelling ??= subscription.cancel();
      return cancelling;
    };
    return { cancel };
  }

  /** Cancels all subscriptions and closes the connection, within `ms`. */
  async close(ms: number): Promise<void> {
    this.closed = true;
    const cancelled = [...this.subscriptions].map((subscription) => {
      subscription.giveUp(new BrokerFailure('the broker connection was closed'));
      return subscription.cancel();
    });
    await settledWithin(this.settings.clock, ms / 2, Promise.all(cancelled));
    await this.link.close(ms / 2);
  }

  private async up(connection: ChannelModel): Promise<void> {
    await declareTopology(connection, this.settings.topology);
    this.connection = connection;
    for (const subscription of this.subscriptions) void this.keep(subscription, connection);
  }

  /** Consumes, and starts again whenever the consumer ends, for as long as this connection lives. */
  private async keep(subscription: AmqpSubscription, connection: ChannelModel): Promise<void> {
    const { clock, backoff, random, topology, logger } = this.settings;
    const isWanted = (): boolean => this.connection === connection && subscription.wanted;
    let attempt = 0;
    let reported = '';
    while (isWanted()) {
      let reason: string;
      try {
        // The queue may be gone, as its deletion is one way for a consumer to end.
        if (attempt > 0) await declareTopology(connection, topology);
        reason = await subscription.consume(connection, () => {
          attempt = 0;
          reported = '';
        });
      } catch (error) {
        reason = describeError(error);
        if (isMissingQueue(reason)) subscription.giveUp(missingQueue(subscription.queue));
      }
      attempt += 1;
      await clock.sleep(fullJitter(backoff, attempt, random));
      if (isWanted() && reason !== reported) {
        logger.warn({ queue: subscription.queue, reason }, 'the consumer ended; consuming again');
        reported = reason;
      }
    }
  }
}

/** A queue whose node is down answers 404 as well, but it exists: `home node ... is down or inaccessible`. */
const isMissingQueue = (reason: string): boolean => /NOT_FOUND - no queue/.test(reason);

const missingQueue = (queue: string): BrokerFailure =>
  new BrokerFailure(`there is no queue "${queue}" to consume from; the topology must declare it`);
