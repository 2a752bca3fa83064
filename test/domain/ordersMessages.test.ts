import { describe, expect, it } from 'vitest';
import { orderAggregate } from '../../src/domain/orders/orderAggregate.ts';
import { orderDocument } from '../../src/domain/orders/orderDocument.ts';
import type { OrderEvent } from '../../src/domain/orders/orderEvents.ts';
import { publicType } from '../../src/domain/shared/aggregate.ts';
import { fold } from '../../src/domain/shared/decider.ts';
import { everyEvent } from './everyOrderEvent.ts';
import {
  at,
  decider,
  orderCancelled,
  orderConfirmed,
  orderPlaced,
  orderShipped,
  paymentCaptured,
  paymentFailed,
  paymentMismatched,
  refundCompleted,
  refundFailed,
  refundRequested,
  stockRejected,
  stockReserved,
  total,
} from './orderExamples.ts';

/** The message of the last event of an order's life. */
const messageOf = (...events: readonly OrderEvent[]) =>
  orderAggregate.toPublic(events.at(-1)!, fold(decider, events), 'o-1', events.length);

/** The names of the published contract; consumers bind to them. */
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

const confirmed = [orderPlaced(), stockReserved(), paymentCaptured(), orderConfirmed()];

describe('the public message of an order event', () => {
  it('has the name of the contract, for every event', () => {
    for (const event of everyEvent) {
      const past = event.type === 'OrderPlaced' ? [] : [orderPlaced()];
      expect(messageOf(...past, event).name).toBe(names[event.type]);
    }
    expect(publicType('order.placed')).toBe('orderflow.order.placed.v1');
  });

  it('order.placed carries the whole order', () => {
    const order = fold(decider, [orderPlaced()])!;
    expect(messageOf(orderPlaced()).data).toEqual(orderDocument('o-1', 1, order));
    expect(messageOf(orderPlaced()).data).toEqual({
      id: 'o-1',
      version: 1,
      status: 'pending',
      stock: 'requested',
      payment: 'awaiting',
      customerId: 'c-42',
      currency: 'EUR',
      clientReference: 'shop-9001',
      lines: [{ sku: 'tea-100', quantity: 2, unitPrice: 1299, lineTotal: 2598 }],
      total: 2598,
      captured: 0,
      refunded: 0,
      shippingAddress: null,
      metadata: { channel: 'web' },
      cancelReason: null,
      cancelNote: null,
      placedAt: at,
      updatedAt: at,
    });
  });

  it('every other message says which order it is about, its version and its status', () => {
    for (const event of everyEvent) {
      if (event.type === 'OrderPlaced') continue;
      const status = fold(decider, [orderPlaced(), event])?.status;
      expect(messageOf(orderPlaced(), event).data).toMatchObject({ orderId: 'o-1', version: 2, status });
    }
  });

  it('and what changed', () => {
    const about = (version: number, status: string) => ({ orderId: 'o-1', version, status });
    expect(messageOf(orderPlaced(), stockReserved()).data).toEqual({
      ...about(2, 'pending'),
      stock: 'reserved',
    });
    expect(messageOf(orderPlaced(), stockRejected()).data).toEqual({
      ...about(2, 'pending'),
      stock: 'rejected',
      shortages: [{ sku: 'tea-100', missing: 1 }],
    });
    expect(messageOf(orderPlaced(), paymentCaptured()).data).toEqual({
      ...about(2, 'pending'),
      payment: 'captured',
      paymentId: 'p-1',
      amount: total,
      currency: 'EUR',
      captured: total,
    });
    expect(messageOf(orderPlaced(), paymentFailed()).data).toEqual({
      ...about(2, 'pending'),
      payment: 'failed',
      paymentId: 'p-1',
      reason: 'declined',
    });
    expect(messageOf(orderPlaced(), paymentMismatched({ amount: 1 })).data).toEqual({
      ...about(2, 'pending'),
      ...paymentMismatched({ amount: 1 }).data,
    });
    expect(messageOf(...confirmed).data).toEqual(about(4, 'confirmed'));
    expect(messageOf(...confirmed, orderShipped()).data).toEqual({
      ...about(5, 'shipped'),
      carrier: 'post',
      trackingNumber: 'T1',
    });
    expect(messageOf(orderPlaced(), orderCancelled('customer', 'too late')).data).toEqual({
      ...about(2, 'cancelled'),
      cancelReason: 'customer',
      cancelNote: 'too late',
    });
  });

  it('tells of a refund what was asked for, what was paid back, and what came of it', () => {
    const asked = [...confirmed, refundRequested('r-1', 1000)];
    const about = (version: number, payment: string) => ({
      orderId: 'o-1',
      version,
      status: 'confirmed',
      payment,
      refundId: 'r-1',
      currency: 'EUR',
    });
    expect(messageOf(...asked).data).toEqual({ ...about(5, 'refund_pending'), amount: 1000, reason: null });
    expect(messageOf(...asked, refundCompleted('r-1', 1000)).data).toEqual({
      ...about(6, 'captured'),
      paymentId: 'p-1',
      amount: 1000,
      refunded: 1000,
    });
    expect(messageOf(...asked, refundFailed('r-1')).data).toEqual({
      ...about(6, 'captured'),
      paymentId: 'p-1',
      reason: 'account closed',
    });
  });

  it('its status is that after this event, not that after all events of the command', () => {
    const cancelledWithRefund = [...confirmed, orderCancelled('customer'), refundRequested()];
    expect(messageOf(...cancelledWithRefund.slice(0, 2)).data).toMatchObject({ status: 'pending' });
    expect(messageOf(...cancelledWithRefund).data).toMatchObject({ status: 'cancelled', version: 6 });
  });

  it('is plain JSON: what goes out is what comes in', () => {
    for (const event of everyEvent) {
      const past = event.type === 'OrderPlaced' ? [] : [orderPlaced()];
      const { data } = messageOf(...past, event);
      expect(JSON.parse(JSON.stringify(data))).toEqual(data);
    }
  });
});
