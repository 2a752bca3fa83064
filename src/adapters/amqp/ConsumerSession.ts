import type { Channel, ChannelModel, ConsumeMessage, Message } from 'amqplib';
import type { Delivery } from '../../ports/broker.ts';
import type { Logger } from '../../ports/logger.ts';
import { AckWindow } from './AckWindow.ts';
import { toDelivery } from './amqpMessage.ts';
import { describeError } from './describeError.ts';

export interface ConsumerSettings {
  /** With `ownQueueAt` the name it has in the log, and the broker chooses one. */
  readonly queue: string;
  /** Consume from a queue of the connection's own that is bound to this exchange, and goes with the session. */
  readonly ownQueueAt?: string;
  readonly prefetch: number;
  readonly onDelivery: (delivery: Delivery) => void;
  readonly logger: Logger;
}

/**
 * One consumer on a channel of its own. Deliveries belong to this session: once it has ended, settling them does
 * nothing, so that an ack can never reach another channel, where its tag would mean another message.
 */
export class ConsumerSession {
  /** Resolves with the reason when the session is over, however that came. */
  readonly ended: Promise<string>;
  private readonly settings: ConsumerSettings;
  private readonly channel: Channel;
  private readonly acks: AckWindow;
  private open = true;
  private consumerTag: string | null = null;
  private unsettled = 0;
  private cancelled = false;

  private constructor(channel: Channel, settings: ConsumerSettings) {
    this.settings = settings;
    this.channel = channel;
    this.acks = new AckWindow({
      ack: (tag, multiple) => this.whileOpen(() => channel.ack(messageWith(tag), multiple)),
      nack: (tag, requeue) => this.whileOpen(() => channel.nack(messageWith(tag), false, requeue)),
    });
    this.ended = new Promise((resolve) => {
      let reason = 'the channel closed';
      channel.on('error', (error) => {
        reason = describeError(error);
      });
      channel.on('close', () => {
        this.open = false;
        resolve(reason);
      });
    });
  }

  /** Rejects with the broker's error, such as a queue that is missing. */
  static async start(connection: ChannelModel, settings: ConsumerSettings): Promise<ConsumerSession> {
    const session = new ConsumerSession(await connection.createChannel(), settings);
    await session.consume();
    return session;
  }

  /** Deliveries may still begin until this resolves. What is unsettled then may still be settled. */
  async cancel(): Promise<void> {
    const { consumerTag } = this;
    if (this.open && consumerTag !== null) await this.channel.cancel(consumerTag).catch(() => undefined);
    this.cancelled = true;
    this.closeWhenSettled();
  }

  /** Ends the session; what is unsettled goes back to the queue. */
  end(): void {
    this.cancelled = true;
    this.channel.close().catch(() => undefined);
  }

  private async consume(): Promise<void> {
    const { prefetch, ownQueueAt } = this.settings;
    try {
      const queue = ownQueueAt === undefined ? this.settings.queue : await this.ownQueue(ownQueueAt);
      // For this consumer alone: a limit for the whole channel is an error on quorum queues.
      await this.channel.prefetch(prefetch, false);
      const { consumerTag } = await this.channel.consume(queue, (message) => this.receive(message));
      this.consumerTag = consumerTag;
    } catch (error) {
      this.end();
      throw error;
    }
  }

  private async ownQueue(exchange: string): Promise<string> {
    const options = { exclusive: true, autoDelete: true, durable: false };
    const { queue } = await this.channel.assertQueue('', options);
    await this.channel.bindQueue(queue, exchange, '');
    return queue;
  }

  private receive(message: ConsumeMessage | null): void {
    // The broker cancelled the consumer: its queue was deleted, or has moved to another node.
    if (message === null) {
      this.end();
      return;
    }
    const tag = message.fields.deliveryTag;
    this.unsettled += 1;
    let settled = false;
    const settleOnce = (settle: () => void): void => {
      if (settled) return;
      settled = true;
      settle();
      this.unsettled -= 1;
      if (this.cancelled) queueMicrotask(() => this.closeWhenSettled());
    };
    const delivery = toDelivery(message, {
      ack: () => settleOnce(() => this.acks.ack(tag)),
      nack: (requeue) => settleOnce(() => this.acks.nack(tag, requeue)),
    });
    this.hand(delivery);
  }

  /** A throw that reached the library would close the channel. */
  private hand(delivery: Delivery): void {
    const { queue, onDelivery, logger } = this.settings;
    try {
      onDelivery(delivery);
    } catch (error) {
      const fields = { err: error, queue, messageId: delivery.id };
      logger.error(fields, 'a message handler threw; the message goes back to its queue');
      delivery.nack(true);
    }
  }

  private closeWhenSettled(): void {
    if (this.open && this.unsettled === 0) this.end();
  }

  private whileOpen(send: () => void): void {
    if (!this.open) return;
    try {
      send();
    } catch (error) {
      // Closing has begun already; the broker delivers the message again.
      this.settings.logger.debug({ reason: describeError(error) }, 'a settlement came too late');
    }
  }
}

/** The library reads nothing but the tag (amqplib 2.3.1, lib/channel_model.js). */
const messageWith = (deliveryTag: number): Message => ({ fields: { deliveryTag } }) as Message;
