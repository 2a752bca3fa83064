import type { CancelReason, OrderEvent, OrderLine, ShippingAddress } from './orderEvents.ts';

export type OrderStatus = 'pending' | 'confirmed' | 'shipped' | 'delivered' | 'cancelled';
export type StockStatus = 'requested' | 'reserved' | 'rejected' | 'released';
export type PaymentStatus = 'awaiting' | 'captured' | 'failed' | 'refund_pending' | 'refunded';

/** Where one refund stands: it counts against the captured money unless it failed. */
export interface Refund {
  readonly amount: number;
  readonly status: 'requested' | 'completed' | 'failed';
}

/** An order that was placed. Amounts are minor units of `currency`; times are ISO 8601. */
export interface Order {
  readonly customerId: string;
  readonly currency: string;
  readonly clientReference: string | null;
  readonly lines: readonly OrderLine[];
  readonly total: number;
  readonly shippingAddress: ShippingAddress | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: OrderStatus;
  readonly stock: StockStatus;
  /** Sum of all captures, refunded or not. */
  readonly captured: number;
  /** Sum of all completed refunds; never more than `captured`. */
  readonly refunded: number;
  /** Amount captured per payment. */
  readonly captures: ReadonlyMap<string, number>;
  /** Payments that failed and were not captured later. */
  readonly failedPayments: readonly string[];
  readonly refunds: ReadonlyMap<string, Refund>;
  /** Facts that did not fit, by `factKey`, so that a repetition is recognised. */
  readonly mismatches: readonly string[];
  readonly cancelReason: CancelReason | null;
  readonly cancelNote: string | null;
  readonly placedAt: string;
  readonly updatedAt: string;
}

/** `null`: no such order yet. */
export type OrderState = Order | null;

const refundsInState = (order: Order, status: Refund['status']): number =>
  [...order.refunds.values()].reduce(
    (sum, refund) => (refund.status === status ? sum + refund.amount : sum),
    0,
  );

/** What may still be asked back: captured, minus refunded, minus what was asked for already. */
export const refundable = (order: Order): number =>
  order.captured - order.refunded - refundsInState(order, 'requested');

/**
 * Whether the shop holds the order's money. A free order owes nothing, so it counts as paid from the start; one
 * whose money was asked back in full no longer does.
 */
export const isPaid = (order: Order): boolean =>
  order.total === 0 || (order.captured >= order.total && refundable(order) > 0);

export const paymentStatus = (order: Order): PaymentStatus => {
  if (refundsInState(order, 'requested') > 0) return 'refund_pending';
  if (order.captured > 0) return order.refunded === order.captured ? 'refunded' : 'captured';
  if (isPaid(order)) return 'captured';
  return order.failedPayments.length > 0 ? 'failed' : 'awaiting';
};

/** Identifies a fact about money by its content: the same fact again has the same key. */
export const factKey = (fact: {
  readonly fact: string;
  readonly paymentId: string;
  readonly refundId: string | null;
  readonly amount: number;
  readonly currency: string;
}): string => JSON.stringify([fact.fact, fact.paymentId, fact.refundId, fact.amount, fact.currency]);

/** What an event does to an order. It decides nothing, so it never fails on events that `decide` has made. */
export const evolve = (state: OrderState, event: OrderEvent): OrderState => {
  if (event.type === 'OrderPlaced') {
    return {
      ...event.data,
      status: 'pending',
      stock: 'requested',
      captured: 0,
      refunded: 0,
      captures: new Map(),
      failedPayments: [],
      refunds: new Map(),
      mismatches: [],
      cancelReason: null,
      cancelNote: null,
      placedAt: event.at,
      updatedAt: event.at,
    };
  }
  if (state === null) throw new Error(`${event.type} cannot be the first event of an order`);
  return { ...state, ...changes(state, event), updatedAt: event.at };
};

const changes = (order: Order, event: Exclude<OrderEvent, { type: 'OrderPlaced' }>): Partial<Order> => {
  switch (event.type) {
    case 'StockReserved':
      return { stock: 'reserved' };
    case 'StockRejected':
      return { stock: 'rejected' };
    case 'StockReleased':
      return { stock: 'released' };
    case 'PaymentCaptured':
      return {
        captured: order.captured + event.data.amount,
        captures: new Map(order.captures).set(event.data.paymentId, event.data.amount),
        failedPayments: order.failedPayments.filter((id) => id !== event.data.paymentId),
      };
    case 'PaymentFailed':
      return { failedPayments: [...order.failedPayments, event.data.paymentId] };
    case 'PaymentMismatched':
      return { mismatches: [...order.mismatches, factKey(event.data)] };
    case 'OrderConfirmed':
      return { status: 'confirmed' };
    case 'OrderShipped':
      return { status: 'shipped' };
    case 'OrderDelivered':
      return { status: 'delivered' };
    case 'OrderCancelled':
      return { status: 'cancelled', cancelReason: event.data.reason, cancelNote: event.data.note };
    case 'RefundRequested':
      return withRefund(order, event.data.refundId, { amount: event.data.amount, status: 'requested' });
    case 'RefundCompleted':
      return {
        refunded: order.refunded + event.data.amount,
        ...withRefund(order, event.data.refundId, { amount: event.data.amount, status: 'completed' }),
      };
    case 'RefundFailed':
      return withRefund(order, event.data.refundId, {
        amount: order.refunds.get(event.data.refundId)?.amount ?? 0,
        status: 'failed',
      });
    default:
      return event satisfies never;
  }
};

const withRefund = (order: Order, refundId: string, refund: Refund): Pick<Order, 'refunds'> => ({
  refunds: new Map(order.refunds).set(refundId, refund),
});
