import { accept, type Decision, refuse } from '../shared/decider.ts';
import { addAmounts, multiplyAmount } from '../shared/money.ts';
import { evolve, factKey, isPaid, type Order, type OrderState, refundable } from './order.ts';
import type {
  CancelOrder,
  DeliverOrder,
  ExpireOrder,
  OrderCommand,
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
} from './orderCommands.ts';
import type { CancelReason, MismatchedFact, OrderEvent, OrderLine } from './orderEvents.ts';

type OrderDecision = Decision<OrderEvent>;

/** What a command leads to. A client's command may be refused; a fact never is once the order exists. */
export const decide = (command: OrderCommand, order: OrderState): OrderDecision => {
  if (command.type === 'PlaceOrder') return order === null ? place(command) : refused(order, 'placed again');
  if (order === null) return refuse({ code: 'not_found', detail: 'There is no such order.' });
  switch (command.type) {
    case 'CancelOrder':
      return cancel(command, order);
    case 'ShipOrder':
      return ship(command, order);
    case 'DeliverOrder':
      return deliver(command, order);
    case 'RequestRefund':
      return requestRefund(command, order);
    case 'ExpireOrder':
      return expire(command, order);
    case 'RecordStockReserved':
      return recordStockReserved(command, order);
    case 'RecordStockRejected':
      return recordStockRejected(command, order);
    case 'RecordStockReleased':
      return recordStockReleased(command, order);
    case 'RecordPaymentCaptured':
      return recordPaymentCaptured(command, order);
    case 'RecordPaymentFailed':
      return recordPaymentFailed(command, order);
    case 'RecordRefundCompleted':
      return recordRefundCompleted(command, order);
    case 'RecordRefundFailed':
      return recordRefundFailed(command, order);
    default:
      return command satisfies never;
  }
};

const place = (command: PlaceOrder): OrderDecision => {
  const { at, customerId, currency, clientReference, shippingAddress, metadata } = command;
  if (command.lines.length < 1 || command.lines.length > 100)
    return invalid('An order has 1 to 100 lines.', '#/lines');
  const lines: OrderLine[] = [];
  let total = 0;
  for (const [index, line] of command.lines.entries()) {
    const lineTotal = multiplyAmount(line.unitPrice, line.quantity);
    const sum = lineTotal === undefined ? undefined : addAmounts(total, lineTotal);
    if (lineTotal === undefined || sum === undefined) {
      return invalid('The total of the order is too large to be counted exactly.', `#/lines/${index}`);
    }
    lines.push({ ...line, lineTotal });
    total = sum;
  }
  const data = { customerId, currency, clientReference, lines, total, shippingAddress, metadata };
  return accept<OrderEvent>({ type: 'OrderPlaced', at, data });
};

const cancel = ({ at, note, refundId }: CancelOrder, order: Order): OrderDecision =>
  isOpen(order)
    ? accept(cancelled(at, 'customer', note), ...refundRest(order, at, refundId))
    : refused(order, 'cancelled');

const ship = ({ at, carrier, trackingNumber }: ShipOrder, order: Order): OrderDecision =>
  order.status === 'confirmed'
    ? accept<OrderEvent>({ type: 'OrderShipped', at, data: { carrier, trackingNumber } })
    : refused(order, 'shipped');

const deliver = ({ at }: DeliverOrder, order: Order): OrderDecision =>
  order.status === 'shipped'
    ? accept<OrderEvent>({ type: 'OrderDelivered', at, data: {} })
    : refused(order, 'delivered');

const requestRefund = (command: RequestRefund, order: Order): OrderDecision => {
  const { at, refundId, reason } = command;
  const rest = refundable(order);
  const amount = command.amount ?? rest;
  return amount > 0 && amount <= rest
    ? accept<OrderEvent>({ type: 'RefundRequested', at, data: { refundId, amount, reason } })
    : refused(order, `refunded: ${command.amount ?? 'all'} was asked for and ${rest} is refundable`);
};

const expire = ({ at }: ExpireOrder, order: Order): OrderDecision =>
  order.status === 'pending' && !isPaid(order)
    ? accept(cancelled(at, order.failedPayments.length > 0 ? 'payment_failed' : 'expired', null))
    : accept();

/** Stock is answered once per order: a second answer is a repetition. */
const recordStockReserved = ({ at }: RecordStockReserved, order: Order): OrderDecision => {
  if (order.stock !== 'requested') return accept();
  const reserved: OrderEvent = { type: 'StockReserved', at, data: {} };
  if (order.status === 'cancelled')
    return accept<OrderEvent>(reserved, { type: 'StockReleased', at, data: {} });
  return accept(reserved, ...confirmation(evolve(order, reserved), at));
};

const recordStockRejected = (
  { at, shortages, refundId }: RecordStockRejected,
  order: Order,
): OrderDecision =>
  order.stock === 'requested'
    ? accept({ type: 'StockRejected', at, data: { shortages } }, ...withdrawal(order, at, refundId))
    : accept();

/** Goods that are gone before they were shipped end an open order. */
const recordStockReleased = ({ at, refundId }: RecordStockReleased, order: Order): OrderDecision =>
  order.stock === 'requested' || order.stock === 'reserved'
    ? accept({ type: 'StockReleased', at, data: {} }, ...withdrawal(order, at, refundId))
    : accept();

/**
 * Money that comes for an order that is over, or paid already, is asked back in full. An amount that is not the
 * order's total is not counted as payment: it is recorded for people to settle.
 */
const recordPaymentCaptured = (command: RecordPaymentCaptured, order: Order): OrderDecision => {
  const { at, paymentId, amount, currency, refundId } = command;
  if (order.captures.get(paymentId) === amount && currency === order.currency) return accept();
  const captured = addAmounts(order.captured, amount);
  if (currency !== order.currency || amount !== order.total || captured === undefined) {
    const fact = { fact: 'payment.captured', paymentId, refundId: null, amount, currency } as const;
    return mismatch(order, at, { ...fact, expectedAmount: order.total, expectedCurrency: order.currency });
  }
  const capture: OrderEvent = { type: 'PaymentCaptured', at, data: { paymentId, amount } };
  if (amount > 0 && (order.status === 'cancelled' || isPaid(order))) {
    return accept<OrderEvent>(capture, {
      type: 'RefundRequested',
      at,
      data: { refundId, amount, reason: null },
    });
  }
  return accept(capture, ...confirmation(evolve(order, capture), at));
};

const recordPaymentFailed = ({ at, paymentId, reason }: RecordPaymentFailed, order: Order): OrderDecision =>
  order.captures.has(paymentId) || order.failedPayments.includes(paymentId)
    ? accept()
    : accept<OrderEvent>({ type: 'PaymentFailed', at, data: { paymentId, reason } });

/** A refund that was reported as failed and then as completed was completed. */
const recordRefundCompleted = (command: RecordRefundCompleted, order: Order): OrderDecision => {
  const { at, refundId, paymentId, amount, currency } = command;
  const refund = order.refunds.get(refundId);
  if (refund?.status === 'completed' && refund.amount === amount && currency === order.currency)
    return accept();
  const room = refund?.status === 'requested' ? refundable(order) + refund.amount : refundable(order);
  const fits = refund?.amount === amount && amount <= room;
  if (!fits || currency !== order.currency) {
    const fact = { fact: 'refund.completed', paymentId, refundId, amount, currency } as const;
    return mismatch(order, at, {
      ...fact,
      expectedAmount: refund?.amount ?? 0,
      expectedCurrency: order.currency,
    });
  }
  return accept<OrderEvent>({ type: 'RefundCompleted', at, data: { refundId, paymentId, amount } });
};

/** The money is still here: it may be asked back again, and until then it pays for the order as before. */
const recordRefundFailed = (command: RecordRefundFailed, order: Order): OrderDecision => {
  const { at, refundId, paymentId, amount, currency, reason } = command;
  const refund = order.refunds.get(refundId);
  if (refund?.amount !== amount || currency !== order.currency) {
    const fact = { fact: 'refund.failed', paymentId, refundId, amount, currency } as const;
    return mismatch(order, at, {
      ...fact,
      expectedAmount: refund?.amount ?? 0,
      expectedCurrency: order.currency,
    });
  }
  if (refund.status !== 'requested') return accept();
  const failed: OrderEvent = { type: 'RefundFailed', at, data: { refundId, paymentId, reason } };
  return accept(failed, ...confirmation(evolve(order, failed), at));
};

const isOpen = (order: Order): boolean => order.status === 'pending' || order.status === 'confirmed';

/** Confirmed if and only if reserved and paid, whichever came first. */
const confirmation = (order: OrderState, at: string): OrderEvent[] =>
  order?.status === 'pending' && order.stock === 'reserved' && isPaid(order)
    ? [{ type: 'OrderConfirmed', at, data: {} }]
    : [];

/** An open order whose goods are not to be had is cancelled, and its money asked back. */
const withdrawal = (order: Order, at: string, refundId: string): OrderEvent[] =>
  isOpen(order) ? [cancelled(at, 'out_of_stock', null), ...refundRest(order, at, refundId)] : [];

const cancelled = (at: string, reason: CancelReason, note: string | null): OrderEvent => ({
  type: 'OrderCancelled',
  at,
  data: { reason, note },
});

const refundRest = (order: Order, at: string, refundId: string): OrderEvent[] => {
  const amount = refundable(order);
  return amount > 0 ? [{ type: 'RefundRequested', at, data: { refundId, amount, reason: null } }] : [];
};

const mismatch = (order: Order, at: string, data: MismatchedFact): OrderDecision =>
  order.mismatches.includes(factKey(data))
    ? accept()
    : accept<OrderEvent>({ type: 'PaymentMismatched', at, data });

const refused = (order: Order, what: string): OrderDecision =>
  refuse({
    code: 'order_state_conflict',
    detail: `An order that is ${order.status} cannot be ${what}.`,
  });

const invalid = (detail: string, pointer: string): OrderDecision =>
  refuse({ code: 'invalid_request', detail, pointer });
