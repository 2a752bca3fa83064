import * as fc from 'fast-check';
import type { Order, OrderState } from '../../src/domain/orders/order.ts';
import type { OrderCommand, PlaceOrder } from '../../src/domain/orders/orderCommands.ts';
import type { OrderEvent } from '../../src/domain/orders/orderEvents.ts';
import { type Decision, fold } from '../../src/domain/shared/decider.ts';
import {
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

/**
 * One random step in an order's life, as plain data that shrinks and prints well. Amounts and refunds are said
 * relative to the order as it is then, so that most steps fit it and some do not.
 */
export type Step =
  | { readonly kind: 'cancel' | 'ship' | 'deliver' | 'expire' | 'reserved' | 'rejected' | 'released' }
  | { readonly kind: 'askRefund'; readonly part: Part }
  | { readonly kind: 'captured'; readonly payment: number; readonly off: number; readonly currency: string }
  | { readonly kind: 'paymentFailed'; readonly payment: number }
  | {
      readonly kind: 'refundCompleted' | 'refundFailed';
      readonly which: number;
      readonly off: number;
      readonly currency: string;
    };
type Part = 'all' | 'rest' | 'half' | 'too much' | 'nothing';

const often = <T>(usual: T, ...seldom: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...seldom) },
  );
const currency = often('EUR', 'USD');
const off = often(0, 1, -1);
const payment = fc.integer({ min: 1, max: 3 });

const clientStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: often('ship', 'cancel') as fc.Arbitrary<'ship' | 'cancel'> }),
  fc.record({ kind: often('deliver', 'expire') as fc.Arbitrary<'deliver' | 'expire'> }),
  fc.record({
    kind: fc.constant('askRefund' as const),
    part: fc.constantFrom<Part>('all', 'rest', 'half', 'too much', 'nothing'),
  }),
);
export const factStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: often('reserved', 'rejected', 'released') as fc.Arbitrary<'reserved'> }),
  fc.record({ kind: fc.constant('captured' as const), payment, off, currency }),
  fc.record({ kind: fc.constant('paymentFailed' as const), payment }),
  fc.record({
    kind: fc.constantFrom('refundCompleted' as const, 'refundFailed' as const),
    which: fc.nat(4),
    off,
    currency,
  }),
);
export const steps = fc.array(
  fc.oneof({ weight: 1, arbitrary: clientStep }, { weight: 2, arbitrary: factStep }),
  {
    maxLength: 24,
  },
);

const line = fc.record({
  sku: fc.constantFrom('tea-100', 'pot'),
  quantity: fc.integer({ min: 1, max: 1_000_000 }),
  unitPrice: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 9_000_000 })),
});
/** Also free orders, and orders so dear that no second capture can be counted. */
export const placing: fc.Arbitrary<PlaceOrder> = fc.oneof(
  fc.array(line, { minLength: 1, maxLength: 4 }).map((lines) => placeOrder({ lines })),
  fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER).map((unitPrice) => {
    return placeOrder({ lines: [{ sku: 'one', quantity: 1, unitPrice }] });
  }),
);

/** The command that a step stands for. `index` makes times and refund ids unique, as the edges do. */
export const commandFor = (step: Step, index: number, order: Order): OrderCommand => {
  const at = new Date(Date.UTC(2026, 10, 23, 5, 0, index)).toISOString();
  const refundId = `r-${index}`;
  switch (step.kind) {
    case 'cancel':
      return cancelOrder({ at, refundId });
    case 'ship':
      return { ...shipOrder(), at };
    case 'deliver':
      return { ...deliverOrder(), at };
    case 'expire':
      return { ...expireOrder(), at };
    case 'reserved':
      return { ...recordStockReserved(), at };
    case 'rejected':
      return recordStockRejected({ at, refundId });
    case 'released':
      return recordStockReleased({ at, refundId });
    case 'askRefund':
      return requestRefund({ at, refundId, amount: amountOf(step.part, order) });
    case 'captured':
      return recordPaymentCaptured({
        at,
        refundId,
        paymentId: `p-${step.payment}`,
        amount: Math.max(0, order.total + step.off),
        currency: step.currency,
      });
    case 'paymentFailed':
      return recordPaymentFailed({ at, paymentId: `p-${step.payment}` });
    case 'refundCompleted':
    case 'refundFailed': {
      const [id, refund] = [...order.refunds].at(-1 - step.which) ?? ['r-unknown', { amount: order.total }];
      const reported = { at, refundId: id, amount: Math.max(0, refund.amount + step.off) };
      return step.kind === 'refundCompleted'
        ? recordRefundCompleted({ ...reported, currency: step.currency })
        : recordRefundFailed({ ...reported, currency: step.currency });
    }
    default:
      return step satisfies never;
  }
};

const amountOf = (part: Part, order: Order): number | null => {
  if (part === 'rest') return null;
  if (part === 'nothing') return 0;
  if (part === 'half') return Math.ceil(order.total / 2);
  return part === 'all' ? order.total : Math.min(Number.MAX_SAFE_INTEGER, order.captured + 1);
};

export interface Happening {
  readonly command: OrderCommand;
  readonly before: OrderState;
  readonly decision: Decision<OrderEvent>;
  readonly after: OrderState;
  /** All events so far. */
  readonly events: readonly OrderEvent[];
}

/** Lives an order through its steps and shows each of them. A refused step changes nothing. */
export const live = (place: PlaceOrder, chosen: readonly Step[]): readonly Happening[] => {
  const happenings: Happening[] = [];
  const events: OrderEvent[] = [];
  let state: OrderState = null;
  for (const [index, step] of [null, ...chosen].entries()) {
    const command: OrderCommand = step === null ? place : commandFor(step, index, state!);
    const decision = decider.decide(command, state);
    const before = state;
    if (decision.ok) {
      events.push(...decision.events);
      state = fold(decider, decision.events, state);
    }
    happenings.push({ command, before, decision, after: state, events: [...events] });
  }
  return happenings;
};

export const isFact = (command: OrderCommand): boolean => command.type.startsWith('Record');
