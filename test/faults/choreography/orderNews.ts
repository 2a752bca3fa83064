import { connect } from 'amqplib';
import { rabbitmqUrl } from '../../support/services.ts';

/** What the shop's own people and its payment provider hear from the broker. */
export interface OrderNews {
  /** Resolves when the order is confirmed or cancelled: when both stock and payment have spoken. */
  decided(orderId: string): Promise<Decision>;
  /** Resolves when something is heard: then it is in the hands of all who consume it. */
  next(): Promise<void>;
  close(): Promise<void>;
}

export type Decision = 'confirmed' | 'cancelled';

export interface RefundRequest {
  readonly orderId: string;
  readonly refundId: string;
  readonly amount: number;
}

/** `onRefundRequested` hears of each request once. */
export const followOrders = async (
  exchange: string,
  onRefundRequested: (request: RefundRequest) => void,
): Promise<OrderNews> => {
  const decisions = new Map<string, PromiseWithResolvers<Decision>>();
  const decisionOf = (orderId: string): PromiseWithResolvers<Decision> => {
    const decision = decisions.get(orderId) ?? Promise.withResolvers<Decision>();
    decisions.set(orderId, decision);
    return decision;
  };
  let heard = Promise.withResolvers<void>();
  const asked = new Set<string>();
  const hear: Readonly<Record<string, (data: RefundRequest) => void>> = {
    'order.confirmed': ({ orderId }) => decisionOf(orderId).resolve('confirmed'),
    'order.cancelled': ({ orderId }) => decisionOf(orderId).resolve('cancelled'),
    'order.refund-requested': (request) => {
      // A message that comes again is the same wish.
      if (asked.has(request.refundId)) return;
      asked.add(request.refundId);
      onRefundRequested(request);
    },
  };
  const connection = await connect(rabbitmqUrl(), { noDelay: true, timeout: 5_000 });
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  for (const key of Object.keys(hear)) await channel.bindQueue(queue, exchange, key);
  const listen = (message: { readonly content: Buffer; readonly fields: { routingKey: string } } | null) => {
    if (message === null) return;
    const { data } = JSON.parse(message.content.toString()) as { data: RefundRequest };
    hear[message.fields.routingKey]?.(data);
    heard.resolve();
    heard = Promise.withResolvers();
  };
  await channel.consume(queue, listen, { noAck: true });
  return {
    decided: (orderId) => decisionOf(orderId).promise,
    next: () => heard.promise,
    close: () => connection.close(),
  };
};
