import type { OrderCommand } from '../../domain/orders/orderCommands.ts';
import type { StockShortage } from '../../domain/orders/orderEvents.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ids } from '../../ports/ids.ts';
import { type IncomingMessage, PermanentFailure } from '../messaging/consume/incomingMessage.ts';
import { listIn, memberOf, textIn } from '../messaging/consume/messageData.ts';
import type { MessageHandler } from '../messaging/consume/messageHandler.ts';
import { orderModel, orderStream } from './orderModel.ts';
import { expireOrder } from './paymentDeadline.ts';

export interface OrderConsumerParts {
  readonly queue: string;
  readonly ids: Ids;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * What stock says of an order becomes a fact of the order. Its decider does the rest: it confirms, cancels, releases,
 * and asks for refunds. A fact that is recorded already changes nothing, nor does the deadline of an order that is paid.
 */
export const orderConsumer = ({ queue, ids, clock }: OrderConsumerParts): MessageHandler => ({
  consumer: 'orders',
  queue,
  streams: (message) => (concernsOrder(message) ? [orderStream(orderIdOf(message))] : []),
  handle: (session, message) => {
    const command = commandFor(message, ids, clock);
    if (command === null) return;
    const decision = session.execute(orderModel, orderIdOf(message), command);
    if (!decision.ok) throw new PermanentFailure(decision.error.detail);
  },
});

const commandFor = (message: IncomingMessage, ids: Ids, clock: Pick<Clock, 'now'>): OrderCommand | null => {
  const at = message.time;
  switch (message.type) {
    case stockTypes.reserved:
      return { type: 'RecordStockReserved', at };
    case stockTypes.rejected:
      return { type: 'RecordStockRejected', at, refundId: ids.next(), shortages: shortagesOf(message) };
    case stockTypes.released:
      return { type: 'RecordStockReleased', at, refundId: ids.next() };
    case expireOrder:
      return { type: 'ExpireOrder', at: new Date(clock.now()).toISOString() };
    default:
      return null;
  }
};

const stockTypes = {
  reserved: 'orderflow.inventory.stock-reserved.v1',
  rejected: 'orderflow.inventory.stock-rejected.v1',
  released: 'orderflow.inventory.stock-released.v1',
} as const;

const concernsOrder = ({ type }: IncomingMessage): boolean =>
  type === expireOrder || (Object.values(stockTypes) as string[]).includes(type);

const orderIdOf = (message: IncomingMessage): string => textIn(message, 'orderId');

const shortagesOf = (message: IncomingMessage): readonly StockShortage[] =>
  listIn(message, 'shortages', (item) => {
    const sku = memberOf(item, 'sku');
    const missing = memberOf(item, 'missing');
    return typeof sku === 'string' && Number.isSafeInteger(missing) && Number(missing) > 0
      ? { sku, missing: Number(missing) }
      : undefined;
  });
