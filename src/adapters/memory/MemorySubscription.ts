import { BrokerFailure, type Delivery, type Subscription } from '../../ports/broker.ts';
import type { Logger } from '../../ports/logger.ts';
import type { BrokerServer } from './BrokerServer.ts';
import type { Entry } from './Entry.ts';
import type { Consumer, MemoryQueue } from './MemoryQueue.ts';
import { type Schedule, Wire } from './Wire.ts';

export interface SubscriptionContext {
  readonly server: BrokerServer;
  readonly logger: Logger;
  readonly schedule: Schedule;
  /** The way of acks and cancels to the broker, shared by the subscriptions of one connection. */
  readonly toBroker: Wire;
  /** The queue went away under the consumer. */
  readonly onQueueGone: (subscription: MemorySubscription) => void;
}

interface Attachment {
  readonly queue: MemoryQueue;
  readonly consumer: Consumer;
}

/** A consumer of one queue, through any number of connections. */
export class MemorySubscription implements Subscription {
  private readonly queueName: string;
  private readonly prefetch: number;
  private readonly onDelivery: (delivery: Delivery) => void;
  private readonly context: SubscriptionContext;
  private readonly fromBroker: Wire;
  private attachment: Attachment | null = null;
  private cancelling: PromiseWithResolvers<void> | null = null;

  constructor(
    queueName: string,
    prefetch: number,
    onDelivery: (delivery: Delivery) => void,
    context: SubscriptionContext,
  ) {
    this.queueName = queueName;
    this.prefetch = prefetch === 0 ? Number.POSITIVE_INFINITY : prefetch;
    this.onDelivery = onDelivery;
    this.context = context;
    this.fromBroker = new Wire(context.schedule);
  }

  /** Starts consuming. Throws `BrokerFailure` when there is no such queue. */
  attach(): void {
    if (this.cancelling !== null) return;
    const queue = this.context.server.queue(this.queueName);
    if (queue === undefined) throw new BrokerFailure(`there is no queue "${this.queueName}" to consume from`);
    const consumer: Consumer = {
      prefetch: this.prefetch,
      unsettled: new Map(),
      send: (tag, entry) => this.fromBroker.push(() => this.hand(queue, consumer, tag, entry)),
      cancelled: () => this.fromBroker.push(() => this.context.onQueueGone(this)),
    };
    this.attachment = { queue, consumer };
    queue.addConsumer(consumer);
  }

  /** Cancelled, with nothing left to settle. */
  get finished(): boolean {
    return this.cancelling !== null && (this.attachment?.consumer.unsettled.size ?? 0) === 0;
  }

  /** The connection is gone: nothing more arrives from it. */
  leave(): void {
    this.fromBroker.cut();
    this.attachment?.queue.removeConsumer(this.attachment.consumer);
    this.cancelling?.resolve();
  }

  /** What was not settled goes back to the queue. */
  giveBack(): void {
    this.attachment?.queue.dropConsumer(this.attachment.consumer);
    this.attachment = null;
  }

  cancel(): Promise<void> {
    if (this.cancelling !== null) return this.cancelling.promise;
    const cancelling = Promise.withResolvers<void>();
    this.cancelling = cancelling;
    const attachment = this.attachment;
    if (attachment === null) cancelling.resolve();
    else {
      this.context.toBroker.push(() => {
        attachment.queue.removeConsumer(attachment.consumer);
        // What was sent before the broker knew still arrives, then the answer.
        this.fromBroker.push(() => cancelling.resolve());
      });
    }
    return cancelling.promise;
  }

  private hand(queue: MemoryQueue, consumer: Consumer, tag: number, entry: Entry): void {
    let settled = false;
    const settleOnce = (arrive: () => void): void => {
      if (settled) return;
      settled = true;
      this.context.toBroker.push(arrive);
    };
    const delivery = deliveryOf(entry, queue.settings.quorum, {
      ack: () => settleOnce(() => queue.ack(consumer, tag)),
      nack: (requeue) => settleOnce(() => queue.nack(consumer, tag, requeue)),
    });
    try {
      this.onDelivery(delivery);
    } catch (error) {
      const fields = { err: error, queue: this.queueName, messageId: delivery.id };
      this.context.logger.error(fields, 'a message handler threw; the message goes back to its queue');
      delivery.nack(true);
    }
  }
}

const deliveryOf = (
  { routed, returns }: Entry,
  countsReturns: boolean,
  settlement: Pick<Delivery, 'ack' | 'nack'>,
): Delivery => {
  const { message, exchange, routingKey } = routed;
  const headers =
    countsReturns && returns > 0 ? { ...message.headers, 'x-delivery-count': returns } : message.headers;
  // AMQP 0-9-1 carries whole seconds.
  const timestamp = Math.floor(message.timestamp / 1000) * 1000;
  return { ...message, timestamp, headers, exchange, routingKey, redelivered: returns > 0, ...settlement };
};
