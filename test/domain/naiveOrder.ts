/**
 * A second order, deliberately naive: flags and counters that are overwritten in place, written down from the HTTP
 * contract without a look at the aggregate. It exists to be compared with the aggregate.
 */
export interface NaiveOrder {
  readonly total: number;
  status: string;
  stock: string;
  cancelReason: string | null;
  cancelNote: string | null;
  captured: number;
  refunded: number;
  readonly paidBy: Set<string>;
  readonly failedAttempts: Set<string>;
  readonly refunds: { readonly id: string; readonly amount: number; answer: 'none' | 'done' | 'failed' }[];
}

export const naiveOrder = (total: number): NaiveOrder => ({
  total,
  status: 'pending',
  stock: 'requested',
  cancelReason: null,
  cancelNote: null,
  captured: 0,
  refunded: 0,
  paidBy: new Set(),
  failedAttempts: new Set(),
  refunds: [],
});

const asked = (order: NaiveOrder): number => {
  let sum = 0;
  for (const refund of order.refunds) if (refund.answer === 'none') sum += refund.amount;
  return sum;
};
const left = (order: NaiveOrder): number => order.captured - order.refunded - asked(order);
const paid = (order: NaiveOrder): boolean => order.total === 0 || left(order) > 0;
const open = (order: NaiveOrder): boolean => order.status === 'pending' || order.status === 'confirmed';

const ask = (order: NaiveOrder, id: string, amount: number): void => {
  if (amount > 0) order.refunds.push({ id, amount, answer: 'none' });
};
const end = (order: NaiveOrder, reason: string, note: string | null = null): void => {
  order.status = 'cancelled';
  order.cancelReason = reason;
  order.cancelNote = note;
};
const confirmIfReady = (order: NaiveOrder): void => {
  if (order.status === 'pending' && order.stock === 'reserved' && paid(order)) order.status = 'confirmed';
};
const outOfStock = (order: NaiveOrder, refundId: string): void => {
  if (!open(order)) return;
  end(order, 'out_of_stock');
  ask(order, refundId, left(order));
};

// What clients ask for: whether it is allowed. Where it is not, nothing changes.

export const naiveCancel = (order: NaiveOrder, note: string | null, refundId: string): boolean => {
  if (!open(order)) return false;
  end(order, 'customer', note);
  ask(order, refundId, left(order));
  return true;
};
export const naiveShip = (order: NaiveOrder): boolean => {
  if (order.status !== 'confirmed') return false;
  order.status = 'shipped';
  return true;
};
export const naiveDeliver = (order: NaiveOrder): boolean => {
  if (order.status !== 'shipped') return false;
  order.status = 'delivered';
  return true;
};
export const naiveRefund = (order: NaiveOrder, amount: number | null, refundId: string): boolean => {
  const wanted = amount ?? left(order);
  if (wanted < 1 || wanted > left(order)) return false;
  ask(order, refundId, wanted);
  return true;
};

// What has happened: always taken.

export const naiveDeadline = (order: NaiveOrder): true => {
  if (order.status === 'pending' && !paid(order)) {
    end(order, order.failedAttempts.size > 0 ? 'payment_failed' : 'expired');
  }
  return true;
};
export const naiveReserved = (order: NaiveOrder): true => {
  if (order.stock === 'requested') order.stock = order.status === 'cancelled' ? 'released' : 'reserved';
  confirmIfReady(order);
  return true;
};
export const naiveRejected = (order: NaiveOrder, refundId: string): true => {
  if (order.stock === 'requested') {
    order.stock = 'rejected';
    outOfStock(order, refundId);
  }
  return true;
};
export const naiveReleased = (order: NaiveOrder, refundId: string): true => {
  if (order.stock === 'requested' || order.stock === 'reserved') {
    order.stock = 'released';
    outOfStock(order, refundId);
  }
  return true;
};
export const naiveCaptured = (
  order: NaiveOrder,
  paymentId: string,
  fits: boolean,
  refundId: string,
): true => {
  if (!fits || order.paidBy.has(paymentId)) return true;
  const unwanted = order.status === 'cancelled' || paid(order);
  order.captured += order.total;
  order.paidBy.add(paymentId);
  order.failedAttempts.delete(paymentId);
  if (unwanted) ask(order, refundId, order.total);
  confirmIfReady(order);
  return true;
};
export const naivePaymentFailed = (order: NaiveOrder, paymentId: string): true => {
  if (!order.paidBy.has(paymentId)) order.failedAttempts.add(paymentId);
  return true;
};
export const naiveRefundDone = (order: NaiveOrder, refundId: string, fits: boolean): true => {
  const refund = order.refunds.find(({ id }) => id === refundId);
  if (!refund || !fits || refund.answer === 'done') return true;
  if (refund.answer === 'failed' && refund.amount > left(order)) return true;
  refund.answer = 'done';
  order.refunded += refund.amount;
  return true;
};
export const naiveRefundFailed = (order: NaiveOrder, refundId: string, fits: boolean): true => {
  const refund = order.refunds.find(({ id }) => id === refundId);
  if (refund && fits && refund.answer === 'none') refund.answer = 'failed';
  confirmIfReady(order);
  return true;
};

/** What the contract promises about an order that changes after placing. */
export const naiveView = (order: NaiveOrder) => ({
  status: order.status,
  stock: order.stock,
  payment: naivePayment(order),
  captured: order.captured,
  refunded: order.refunded,
  cancelReason: order.cancelReason,
  cancelNote: order.cancelNote,
});

const naivePayment = (order: NaiveOrder): string => {
  if (asked(order) > 0) return 'refund_pending';
  if (order.captured > 0 && order.captured === order.refunded) return 'refunded';
  if (order.captured > 0 || order.total === 0) return 'captured';
  return order.failedAttempts.size > 0 ? 'failed' : 'awaiting';
};
