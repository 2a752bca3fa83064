import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Order, paymentStatus, refundable } from '../../src/domain/orders/order.ts';
import type { OrderCommand } from '../../src/domain/orders/orderCommands.ts';
import type { OrderEvent } from '../../src/domain/orders/orderEvents.ts';
import { fold } from '../../src/domain/shared/decider.ts';
import { propertyOptions } from '../support/properties.ts';
import { decider } from './orderExamples.ts';
import { commandFor, factStep, isFact, live, placing, steps } from './orderSteps.ts';

type Of<Type extends OrderEvent['type']> = Extract<OrderEvent, { type: Type }>;
const ofType = <Type extends OrderEvent['type']>(events: readonly OrderEvent[], type: Type) =>
  events.filter((event): event is Of<Type> => event.type === type);
const sum = (events: readonly { readonly data: { readonly amount: number } }[]): number =>
  events.reduce((total, { data }) => total + data.amount, 0);

/** The money, counted from the events alone: what every property below compares the order with. */
const ledger = (events: readonly OrderEvent[]) => {
  const asked = ofType(events, 'RefundRequested');
  const completed = ofType(events, 'RefundCompleted');
  const done = new Set(completed.map(({ data }) => data.refundId));
  const failed = new Set(ofType(events, 'RefundFailed').map(({ data }) => data.refundId));
  const open = asked.filter(({ data }) => !done.has(data.refundId) && !failed.has(data.refundId));
  const unsuccessful = asked.filter(({ data }) => failed.has(data.refundId) && !done.has(data.refundId));
  return {
    captured: sum(ofType(events, 'PaymentCaptured')),
    refunded: sum(completed),
    requested: sum(open),
    /** Of refunds that failed: money that waits for somebody to ask for it again. */
    unrefunded: sum(unsuccessful),
  };
};

const expectMoneyToBeInOrder = (order: Order, events: readonly OrderEvent[]): void => {
  const { captured, refunded, requested, unrefunded } = ledger(events);
  expect({ captured: order.captured, refunded: order.refunded }).toEqual({ captured, refunded });
  expect(refundable(order)).toBe(captured - refunded - requested);
  expect(refunded).toBeLessThanOrEqual(captured);
  expect(refunded + requested).toBeLessThanOrEqual(captured);
  for (const amount of [order.total, captured, refunded, requested, captured - refunded - requested]) {
    expect(Number.isSafeInteger(amount)).toBe(true);
  }
  const kept = captured - refunded - requested;
  expect(kept).toBeLessThanOrEqual((order.status === 'cancelled' ? 0 : order.total) + unrefunded);
};

const expectStatusToBeEarned = (order: Order, events: readonly OrderEvent[]): void => {
  const types = events.map(({ type }) => type);
  const before = (earlier: OrderEvent['type'], later: OrderEvent['type']): boolean =>
    types.includes(earlier) && types.indexOf(earlier) < types.indexOf(later);
  const answers = types.filter((type) => type === 'StockReserved' || type === 'StockRejected');
  expect(answers.length).toBeLessThanOrEqual(1);
  if (types.includes('OrderConfirmed')) {
    expect(before('StockReserved', 'OrderConfirmed')).toBe(true);
    expect(order.total === 0 || before('PaymentCaptured', 'OrderConfirmed')).toBe(true);
  }
  if (['confirmed', 'shipped', 'delivered'].includes(order.status)) expect(types).toContain('OrderConfirmed');
  if (order.status === 'shipped' || order.status === 'delivered') {
    expect(before('OrderConfirmed', 'OrderShipped')).toBe(true);
  }
  if (order.status === 'delivered') expect(before('OrderShipped', 'OrderDelivered')).toBe(true);
  if (order.status === 'confirmed') expect(order.stock).toBe('reserved');
  const paid = order.total === 0 || refundable(order) > 0;
  // Nobody would ever look at a pending order again that has all it needs, or that cannot get its goods.
  if (order.status === 'pending') {
    expect(order.stock === 'reserved' ? !paid : order.stock === 'requested').toBe(true);
  }
  expect(order.status === 'cancelled').toBe(order.cancelReason !== null);
  for (const once of ['OrderConfirmed', 'OrderShipped', 'OrderDelivered', 'OrderCancelled']) {
    expect(types.filter((type) => type === once).length).toBeLessThanOrEqual(1);
  }
};

const expectPaymentToBeConsistent = (order: Order, events: readonly OrderEvent[]): void => {
  const { captured, refunded, requested } = ledger(events);
  const status = paymentStatus(order);
  expect(status === 'refund_pending').toBe(requested > 0);
  expect(status === 'refunded').toBe(requested === 0 && captured > 0 && refunded === captured);
  if (status === 'awaiting' || status === 'failed') expect([captured, order.total > 0]).toEqual([0, true]);
  if (status === 'captured') expect(order.total === 0 || captured > refunded).toBe(true);
  if (status === 'failed') expect(ofType(events, 'PaymentFailed').length).toBeGreaterThan(0);
};

const expectOneCurrency = (events: readonly OrderEvent[]): void => {
  for (const { data } of ofType(events, 'PaymentMismatched')) expect(data.expectedCurrency).toBe('EUR');
  const elsewhere = events.filter(
    ({ type, data }) => 'currency' in data && type !== 'OrderPlaced' && type !== 'PaymentMismatched',
  );
  expect(elsewhere).toEqual([]);
};

describe('whatever happens to an order', () => {
  it('its state is the fold of its events, and its books balance after every step', () => {
    fc.assert(
      fc.property(placing, steps, (place, chosen) => {
        for (const { decision, before, after, events } of live(place, chosen)) {
          expect(after).toEqual(fold(decider, events));
          if (!decision.ok) expect(after).toBe(before);
          if (after === null) continue;
          expect(after.updatedAt).toBe(events.at(-1)?.at);
          expectMoneyToBeInOrder(after, events);
          expectStatusToBeEarned(after, events);
          expectPaymentToBeConsistent(after, events);
          expectOneCurrency(events);
        }
      }),
      propertyOptions({ numRuns: 1000 }),
    );
  });

  it('a fact is never refused', () => {
    fc.assert(
      fc.property(placing, steps, (place, chosen) => {
        for (const { command, before, decision } of live(place, chosen)) {
          if (isFact(command) && before !== null) expect(decision).toMatchObject({ ok: true });
        }
      }),
      propertyOptions({ numRuns: 500 }),
    );
  });

  it('deciding and evolving leave the state and the command as they are', () => {
    fc.assert(
      fc.property(placing, steps, (place, chosen) => {
        for (const { command, before } of live(place, chosen)) {
          const copies = structuredClone({ command, before });
          const decision = decider.decide(command, before);
          if (decision.ok) fold(decider, decision.events, before);
          expect({ command, before }).toEqual(copies);
        }
      }),
      propertyOptions({ numRuns: 200 }),
    );
  });

  it('the random steps reach every status, every event and every refusal', () => {
    const lives = fc
      .sample(fc.tuple(placing, steps), { numRuns: 2000, seed: 42 })
      .flatMap(([place, chosen]) => live(place, chosen));
    const statuses = new Set(lives.map(({ after }) => after?.status));
    expect(statuses).toEqual(new Set(['pending', 'confirmed', 'shipped', 'delivered', 'cancelled']));
    const payments = new Set(lives.map(({ after }) => after && paymentStatus(after)));
    expect(payments).toEqual(new Set(['awaiting', 'captured', 'failed', 'refund_pending', 'refunded']));
    const types = new Set(lives.flatMap(({ events }) => events.map(({ type }) => type)));
    expect(types.size).toBe(14);
    const refused = new Set(lives.filter(({ decision }) => !decision.ok).map(({ command }) => command.type));
    expect(refused).toEqual(new Set(['CancelOrder', 'ShipOrder', 'DeliverOrder', 'RequestRefund']));
  });
});

/** The events that a fact may lead to, in this order. */
const right: Readonly<Record<string, readonly string[]>> = {
  RecordStockReserved: ['', 'StockReserved', 'StockReserved OrderConfirmed', 'StockReserved StockReleased'],
  RecordStockRejected: [
    '',
    'StockRejected',
    'StockRejected OrderCancelled',
    'StockRejected OrderCancelled RefundRequested',
  ],
  RecordStockReleased: [
    '',
    'StockReleased',
    'StockReleased OrderCancelled',
    'StockReleased OrderCancelled RefundRequested',
  ],
  RecordPaymentCaptured: [
    '',
    'PaymentMismatched',
    'PaymentCaptured',
    'PaymentCaptured OrderConfirmed',
    'PaymentCaptured RefundRequested',
  ],
  RecordPaymentFailed: ['', 'PaymentFailed'],
  RecordRefundCompleted: ['', 'PaymentMismatched', 'RefundCompleted'],
  RecordRefundFailed: ['', 'PaymentMismatched', 'RefundFailed', 'RefundFailed OrderConfirmed'],
};
const typesOf = (events: readonly OrderEvent[]): string => events.map(({ type }) => type).join(' ');
const happen = (command: OrderCommand, order: Order): readonly OrderEvent[] => {
  const decision = decider.decide(command, order);
  if (!decision.ok) throw new Error(`a fact was refused: ${decision.error.detail}`);
  return decision.events;
};

/** The same report again: later, and with another id for a refund that it might lead to. */
const redelivered = (fact: OrderCommand): OrderCommand => {
  const later = { ...fact, at: '2026-11-24T00:00:00.000Z' };
  return 'refundId' in later && !later.type.startsWith('RecordRefund')
    ? { ...later, refundId: 'r-again' }
    : later;
};

describe('a fact', () => {
  it('leads to its right events, and to none when it comes twice in a row', () => {
    fc.assert(
      fc.property(placing, steps, factStep, (place, chosen, step) => {
        const order = live(place, chosen).at(-1)?.after;
        if (order == null) return;
        const fact = commandFor(step, chosen.length + 1, order);
        const first = happen(fact, order);
        expect(right[fact.type]).toContain(typesOf(first));
        const again = redelivered(fact);
        const after = fold(decider, first, order) as Order;
        expect(happen(again, after)).toEqual([]);
      }),
      propertyOptions({ numRuns: 2000 }),
    );
  });
});
