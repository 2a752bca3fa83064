import type { OrderEvent } from '../../src/domain/orders/orderEvents.ts';
import {
  orderCancelled,
  orderConfirmed,
  orderDelivered,
  orderPlaced,
  orderShipped,
  paymentCaptured,
  paymentFailed,
  paymentMismatched,
  refundCompleted,
  refundFailed,
  refundRequested,
  stockRejected,
  stockReleased,
  stockReserved,
} from './orderExamples.ts';

/** One example of every order event; the compiler asks for one more when there is a new event type. */
const examples: { readonly [Type in OrderEvent['type']]: Extract<OrderEvent, { type: Type }> } = {
  OrderPlaced: orderPlaced(),
  StockReserved: stockReserved(),
  StockRejected: stockRejected(),
  StockReleased: stockReleased(),
  PaymentCaptured: paymentCaptured(),
  PaymentFailed: paymentFailed(),
  PaymentMismatched: paymentMismatched({ amount: 1 }),
  OrderConfirmed: orderConfirmed(),
  OrderShipped: orderShipped(),
  OrderDelivered: orderDelivered(),
  OrderCancelled: orderCancelled('customer', 'too late'),
  RefundRequested: refundRequested('r-1', 1000),
  RefundCompleted: refundCompleted('r-1', 1000),
  RefundFailed: refundFailed('r-2'),
};

export const everyEvent: readonly OrderEvent[] = Object.values(examples);
