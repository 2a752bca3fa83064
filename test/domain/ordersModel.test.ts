import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OrderState } from '../../src/domain/orders/order.ts';
import type { OrderCommand } from '../../src/domain/orders/orderCommands.ts';
import { orderDocument } from '../../src/domain/orders/orderDocument.ts';
import { fold } from '../../src/domain/shared/decider.ts';
import { propertyOptions } from '../support/properties.ts';
import * as naive from './naiveOrder.ts';
import {
  at,
  cancelOrder,
  decider,
  deliverOrder,
  expireOrder,
  placeOrder,
  recordPaymentCaptured,
  recordPaymentFailed,
  recordRefundCompleted,
  recordRefundFailed,
  recordStockRejected,
  recordStockReleased,
  recordStockReserved,
  requestRefund,
  shipOrder,
} from './orderExamples.ts';

interface Real {
  order: OrderState;
}
type Model = naive.NaiveOrder;
type Step = fc.Command<Model, Real>;

/** Does one thing to both orders, and compares what each of them makes of it. */
const step = (
  name: string,
  toNaive: (model: Model) => boolean,
  toReal: (model: Model) => OrderCommand,
): Step => ({
  check: () => true,
  run: (model, real) => {
    const decision = decider.decide(toReal(model), real.order);
    const allowed = toNaive(model);
    expect({ allowed: decision.ok }).toEqual({ allowed });
    if (decision.ok) real.order = fold(decider, decision.events, real.order);
    expect(orderDocument('o', 1, real.order!)).toMatchObject(naive.naiveView(model));
  },
  toString: () => name,
});

let ids = 0;
const newId = (): string => {
  ids += 1;
  return `r-${ids}`;
};

const fixed = (make: (refundId: string) => Step): fc.Arbitrary<Step> =>
  fc.constant(null).map(() => make(newId()));

const cancel = fixed((id) => {
  return step(
    `cancel (${id})`,
    (model) => naive.naiveCancel(model, 'too late', id),
    () => cancelOrder({ refundId: id }),
  );
});
const clients: readonly fc.Arbitrary<Step>[] = [
  fixed(() => step('ship', naive.naiveShip, shipOrder)),
  fixed(() => step('deliver', naive.naiveDeliver, deliverOrder)),
  fc.option(fc.integer({ min: 0, max: 250 })).map((amount) => {
    const id = newId();
    return step(
      `ask for a refund of ${amount ?? 'all'} (${id})`,
      (model) => naive.naiveRefund(model, amount, id),
      () => requestRefund({ refundId: id, amount }),
    );
  }),
];

const stock: readonly fc.Arbitrary<Step>[] = [
  fixed(() => step('reserved', naive.naiveReserved, recordStockReserved)),
  fixed((id) => {
    return step(
      `rejected (${id})`,
      (model) => naive.naiveRejected(model, id),
      () => recordStockRejected({ refundId: id }),
    );
  }),
  fixed((id) => {
    return step(
      `released (${id})`,
      (model) => naive.naiveReleased(model, id),
      () => recordStockReleased({ refundId: id }),
    );
  }),
];

const paymentId = fc.constantFrom('p-1', 'p-2', 'p-3');
const report = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ off: 0, currency: 'EUR' }) },
  { weight: 1, arbitrary: fc.constantFrom({ off: 1, currency: 'EUR' }, { off: 0, currency: 'USD' }) },
);
const payments: readonly fc.Arbitrary<Step>[] = [
  fc.tuple(paymentId, report).map(([payment, { off, currency }]) => {
    const id = newId();
    const fits = off === 0 && currency === 'EUR';
    return step(
      `captured ${payment}${fits ? '' : ' (does not fit)'} (${id})`,
      (model) => naive.naiveCaptured(model, payment, fits, id),
      ({ total }) =>
        recordPaymentCaptured({ paymentId: payment, amount: total + off, currency, refundId: id }),
    );
  }),
  paymentId.map((payment) => {
    return step(
      `payment ${payment} failed`,
      (model) => naive.naivePaymentFailed(model, payment),
      () => recordPaymentFailed({ paymentId: payment }),
    );
  }),
  fc.constant(step('the deadline passes', naive.naiveDeadline, expireOrder)),
];

const refundFacts: readonly fc.Arbitrary<Step>[] = [
  fc.tuple(fc.nat(3), report, fc.boolean()).map(([which, { off, currency }, completed]) => {
    const fits = off === 0 && currency === 'EUR';
    const refund = (model: Model) => model.refunds.at(-1 - which) ?? { id: 'r-unknown', amount: 1 };
    const toNaive = completed ? naive.naiveRefundDone : naive.naiveRefundFailed;
    const record = completed ? recordRefundCompleted : recordRefundFailed;
    return step(
      `refund ${which} from the end ${completed ? 'completed' : 'failed'}${fits ? '' : ' (does not fit)'}`,
      (model) => toNaive(model, refund(model).id, fits),
      (model) => {
        const { id, amount } = refund(model);
        return record({ refundId: id, amount: amount + off, currency });
      },
    );
  }),
];

/** Every kind of step is likely but those that end an order early. */
const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.oneof(...clients) },
  { weight: 2, arbitrary: stock[0]! },
  { weight: 1, arbitrary: fc.oneof(cancel, ...stock.slice(1)) },
  { weight: 4, arbitrary: fc.oneof(...payments) },
  { weight: 4, arbitrary: fc.oneof(...refundFacts) },
);

const totals = fc.constantFrom(200, 200, 0);
// Lists of commands are short unless told otherwise, too short to deliver an order.
const lives = fc.commands([anyStep], { maxCommands: 40, size: 'max' });

const placed = (total: number): { model: Model; real: Real } => {
  const lines = [{ sku: 'tea-100', quantity: 1, unitPrice: total }];
  const decision = decider.decide(placeOrder({ at, lines }), null);
  return {
    model: naive.naiveOrder(total),
    real: { order: decision.ok ? fold(decider, decision.events) : null },
  };
};

describe('the order and a naive second model of it', () => {
  it('agree after every step on what is allowed and on what the client sees', () => {
    fc.assert(
      fc.property(totals, lives, (total, chosen) => fc.modelRun(() => placed(total), chosen)),
      propertyOptions({ numRuns: 1000 }),
    );
  });

  it('end in every status and with every payment', () => {
    const ends = fc.sample(fc.tuple(totals, lives), { numRuns: 500, seed: 42 }).map(([total, chosen]) => {
      const both = placed(total);
      fc.modelRun(() => both, chosen);
      return naive.naiveView(both.model);
    });
    expect(new Set(ends.map(({ status }) => status)).size).toBe(5);
    expect(new Set(ends.map(({ payment }) => payment)).size).toBe(5);
    expect(new Set(ends.map(({ cancelReason }) => cancelReason)).size).toBe(5);
  });
});
