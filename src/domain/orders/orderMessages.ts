import type { PublicMessage } from '../shared/aggregate.ts';
import { type Order, type OrderState, paymentStatus } from './order.ts';
import { orderDocument } from './orderDocument.ts';
import type { OrderEvent } from './orderEvents.ts';

/** The public name of every order event; also its routing key. */
const names: Readonly<Record<OrderEvent['type'], string>> = {
  OrderPlaced: 'order.placed',
  StockReserved: 'order.stock-reserved',
  StockRejected: 'order.stock-rejected',
  StockReleased: 'order.stock-released',
  PaymentCaptured: 'order.payment-captured',
  PaymentFailed: 'order.payment-failed',
  PaymentMismatched: 'order.payment-mismatch',
  OrderConfirmed: 'order.confirmed',
  OrderShipped: 'order.shipped',
  OrderDelivered: 'order.delivered',
  OrderCancelled: 'order.cancelled',
  RefundRequested: 'order.refund-requested',
  RefundCompleted: 'order.refunded',
  RefundFailed: 'order.refund-failed',
};

/** `order.placed` carries the whole order; every other message what changed. */
export const toPublic = (
  event: OrderEvent,
  after: OrderState,
  id: string,
  version: number,
): PublicMessage => {
  if (after === null) throw new Error('an order event leaves an order behind');
  const name = names[event.type];
  if (event.type === 'OrderPlaced') return { name, data: orderDocument(id, version, after) };
  return { name, data: { orderId: id, version, status: after.status, ...changed(event, after) } };
};

const changed = (event: Exclude<OrderEvent, { type: 'OrderPlaced' }>, after: Order): object => {
  const { currency, captured, refunded } = after;
  switch (event.type) {
    case 'StockReserved':
    case 'StockReleased':
      return { stock: after.stock };
    case 'StockRejected':
      return { stock: after.stock, shortages: event.data.shortages };
    case 'PaymentCaptured':
      return { payment: paymentStatus(after), ...event.data, currency, captured };
    case 'PaymentFailed':
      return { payment: paymentStatus(after), ...event.data };
    case 'RefundRequested':
    case 'RefundFailed':
      return { payment: paymentStatus(after), ...event.data, currency };
    case 'RefundCompleted':
      return { payment: paymentStatus(after), ...event.data, currency, refunded };
    case 'PaymentMismatched':
    case 'OrderShipped':
      return event.data;
    case 'OrderCancelled':
      return { cancelReason: event.data.reason, cancelNote: event.data.note };
    case 'OrderConfirmed':
    case 'OrderDelivered':
      return {};
    default:
      return event satisfies never;
  }
};
