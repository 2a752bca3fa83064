import { orderAggregate } from '../../src/domain/orders/orderAggregate.ts';
import type {
  CancelOrder,
  DeliverOrder,
  ExpireOrder,
  PlaceOrder,
  RecordPaymentCaptured,
  RecordPaymentFailed,
  RecordRefundCompleted,
  RecordRefundFailed,
  RecordStockRejected,
  RecordStockReleased,
  RecordStockReserved,
  RequestRefund,
  ShipOrder,
} from '../../src/domain/orders/orderCommands.ts';
import type {
  CancelReason,
  MismatchedFact,
  OrderCancelled,
  OrderConfirmed,
  OrderDelivered,
  OrderPlaced,
  OrderShipped,
  PaymentCaptured,
  PaymentFailed,
  PaymentMismatched,
  RefundCompleted,
  RefundFailed,
  RefundRequested,
  StockRejected,
  StockReleased,
  StockReserved,
} from '../../src/domain/orders/orderEvents.ts';

/** One order of 25.98 EUR, and every command and event about it. Each may be varied where a test needs it. */
export const { decider } = orderAggregate;
export const at = '2026-11-23T05:00:00.000Z';
export const total = 2598;
const currency = 'EUR';
const shortages = [{ sku: 'tea-100', missing: 1 }];

type Change<Command> = Partial<Omit<Command, 'type'>>;

// Commands of clients.
export const placeOrder = (change: Change<PlaceOrder> = {}): PlaceOrder => ({
  type: 'PlaceOrder',
  at,
  customerId: 'c-42',
  currency,
  clientReference: 'shop-9001',
  lines: [{ sku: 'tea-100', quantity: 2, unitPrice: 1299 }],
  shippingAddress: null,
  metadata: { channel: 'web' },
  ...change,
});
export const cancelOrder = (change: Change<CancelOrder> = {}): CancelOrder => ({
  type: 'CancelOrder',
  at,
  note: 'too late',
  refundId: 'r-cancel',
  ...change,
});
export const shipOrder = (): ShipOrder => ({
  type: 'ShipOrder',
  at,
  carrier: 'post',
  trackingNumber: 'T1',
});
export const deliverOrder = (): DeliverOrder => ({ type: 'DeliverOrder', at });
export const requestRefund = (change: Change<RequestRefund> = {}): RequestRefund => ({
  type: 'RequestRefund',
  at,
  refundId: 'r-1',
  amount: null,
  reason: null,
  ...change,
});
export const expireOrder = (): ExpireOrder => ({ type: 'ExpireOrder', at });

// Facts.
export const recordStockReserved = (): RecordStockReserved => ({ type: 'RecordStockReserved', at });
export const recordStockRejected = (change: Change<RecordStockRejected> = {}): RecordStockRejected => ({
  type: 'RecordStockRejected',
  at,
  shortages,
  refundId: 'r-stock',
  ...change,
});
export const recordStockReleased = (change: Change<RecordStockReleased> = {}): RecordStockReleased => ({
  type: 'RecordStockReleased',
  at,
  refundId: 'r-stock',
  ...change,
});
export const recordPaymentCaptured = (change: Change<RecordPaymentCaptured> = {}): RecordPaymentCaptured => ({
  type: 'RecordPaymentCaptured',
  at,
  paymentId: 'p-1',
  amount: total,
  currency,
  refundId: 'r-capture',
  ...change,
});
export const recordPaymentFailed = (change: Change<RecordPaymentFailed> = {}): RecordPaymentFailed => ({
  type: 'RecordPaymentFailed',
  at,
  paymentId: 'p-1',
  reason: 'declined',
  ...change,
});
export const recordRefundCompleted = (change: Change<RecordRefundCompleted> = {}): RecordRefundCompleted => ({
  type: 'RecordRefundCompleted',
  at,
  refundId: 'r-1',
  paymentId: 'p-1',
  amount: total,
  currency,
  ...change,
});
export const recordRefundFailed = (change: Change<RecordRefundFailed> = {}): RecordRefundFailed => ({
  type: 'RecordRefundFailed',
  at,
  refundId: 'r-1',
  paymentId: 'p-1',
  amount: total,
  currency,
  reason: 'account closed',
  ...change,
});

// Events.
export const orderPlaced = (change: Partial<OrderPlaced['data']> = {}): OrderPlaced => ({
  type: 'OrderPlaced',
  at,
  data: {
    customerId: 'c-42',
    currency,
    clientReference: 'shop-9001',
    lines: [{ sku: 'tea-100', quantity: 2, unitPrice: 1299, lineTotal: 2598 }],
    total,
    shippingAddress: null,
    metadata: { channel: 'web' },
    ...change,
  },
});
export const freeOrderPlaced = (): OrderPlaced =>
  orderPlaced({ lines: [{ sku: 'gift', quantity: 1, unitPrice: 0, lineTotal: 0 }], total: 0 });
export const stockReserved = (): StockReserved => ({ type: 'StockReserved', at, data: {} });
export const stockRejected = (): StockRejected => ({ type: 'StockRejected', at, data: { shortages } });
export const stockReleased = (): StockReleased => ({ type: 'StockReleased', at, data: {} });
export const paymentCaptured = (paymentId = 'p-1', amount = total): PaymentCaptured => ({
  type: 'PaymentCaptured',
  at,
  data: { paymentId, amount },
});
export const paymentFailed = (paymentId = 'p-1'): PaymentFailed => ({
  type: 'PaymentFailed',
  at,
  data: { paymentId, reason: 'declined' },
});
export const paymentMismatched = (change: Partial<MismatchedFact>): PaymentMismatched => ({
  type: 'PaymentMismatched',
  at,
  data: {
    fact: 'payment.captured',
    paymentId: 'p-1',
    refundId: null,
    amount: total,
    currency,
    expectedAmount: total,
    expectedCurrency: currency,
    ...change,
  },
});
export const orderConfirmed = (): OrderConfirmed => ({ type: 'OrderConfirmed', at, data: {} });
export const orderShipped = (): OrderShipped => ({
  type: 'OrderShipped',
  at,
  data: { carrier: 'post', trackingNumber: 'T1' },
});
export const orderDelivered = (): OrderDelivered => ({ type: 'OrderDelivered', at, data: {} });
export const orderCancelled = (reason: CancelReason, note: string | null = null): OrderCancelled => ({
  type: 'OrderCancelled',
  at,
  data: { reason, note },
});
export const refundRequested = (refundId = 'r-1', amount = total): RefundRequested => ({
  type: 'RefundRequested',
  at,
  data: { refundId, amount, reason: null },
});
export const refundCompleted = (refundId = 'r-1', amount = total): RefundCompleted => ({
  type: 'RefundCompleted',
  at,
  data: { refundId, paymentId: 'p-1', amount },
});
export const refundFailed = (refundId = 'r-1'): RefundFailed => ({
  type: 'RefundFailed',
  at,
  data: { refundId, paymentId: 'p-1', reason: 'account closed' },
});
