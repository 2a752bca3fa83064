import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Order, refundable } from '../../src/domain/orders/order.ts';
import type { OrderCommand } from '../../src/domain/orders/orderCommands.ts';
import { orderDocument } from '../../src/domain/orders/orderDocument.ts';
import { fold } from '../../src/domain/shared/decider.ts';
import { propertyOptions } from '../support/properties.ts';
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

/*
 * Facts about one order come from several places at once: in any order, and any of them more than once. Whatever the
 * order in which they came, the same order must be left. That can be asked of facts that can really happen together:
 *
 * - Stock answers once, with reserved or with rejected, and releases only what it has reserved. It does so of its own
 *   accord (a piece was broken), or because the order was cancelled; in that case always, and after the cancellation.
 * - One payment fails any number of times before it is captured, and is captured once. Several payments for one order
 *   are independent of each other. A report with a wrong amount or currency may come at any time.
 * - A refund is answered after it was asked for. The provider answers each of them, all in the same way: which of two
 *   payments was the superfluous one depends on the order of arrival, so no fact can be about one of them in all
 *   orders of arrival.
 * - A cancellation, a deadline and a client's refund are no facts but decisions: what they mean depends on what was
 *   known when they were made. So facts are moved around among those before and among those after such a decision. A
 *   cancellation may move too, as long as it is allowed in both places: it comes before the goods run out or after.
 * - One thing is left out. While a refund of the whole payment is open, a new payment counts as the payment, and once
 *   that refund has failed, a new payment is one too many. So the failure and a new payment do not commute.
 */

type Fact = OrderCommand;
type Names = Readonly<Record<string, Fact>>;

const total = 2598;
const facts = (free: boolean) =>
  ({
    reserved: recordStockReserved(),
    rejected: recordStockRejected(),
    released: recordStockReleased(),
    'p-1 captured': recordPaymentCaptured({ amount: free ? 0 : total }),
    'p-2 captured': recordPaymentCaptured({ amount: free ? 0 : total, paymentId: 'p-2' }),
    'p-3 captured': recordPaymentCaptured({ amount: free ? 0 : total, paymentId: 'p-3' }),
    'p-1 failed': recordPaymentFailed(),
    'p-2 failed': recordPaymentFailed({ paymentId: 'p-2' }),
    'p-4 failed': recordPaymentFailed({ paymentId: 'p-4' }),
    'p-1 captured with another amount': recordPaymentCaptured({ amount: 1 }),
    'p-5 captured in dollars': recordPaymentCaptured({ paymentId: 'p-5', currency: 'USD' }),
    'unknown refund completed': recordRefundCompleted({ refundId: 'r-unknown' }),
    cancel: cancelOrder(),
  }) satisfies Names;
type Name = keyof ReturnType<typeof facts>;

const stockFacts = fc.constantFrom<readonly Name[]>([], ['reserved'], ['rejected'], ['reserved', 'released']);
const moneyFacts = fc.subarray<Name>([
  'p-1 captured',
  'p-2 captured',
  'p-3 captured',
  'p-1 failed',
  'p-2 failed',
  'p-4 failed',
  'p-1 captured with another amount',
  'p-5 captured in dollars',
  'unknown refund completed',
]);

/** A release comes after what it answers: the reservation, and the cancellation where that is the cause. */
const causal = (names: readonly Name[], causesOfRelease: readonly Name[]): readonly Name[] => {
  if (!names.includes('released')) return names;
  const others: readonly Name[] = names.filter((name) => name !== 'released');
  const lastCause = Math.max(...causesOfRelease.map((cause) => others.indexOf(cause)));
  const place = Math.max(names.indexOf('released'), lastCause + 1);
  return [...others.slice(0, place), 'released', ...others.slice(place)];
};

/** The same facts in some order, some of them delivered again later. */
const arrival = (names: readonly Name[], causesOfRelease: readonly Name[] = ['reserved']) =>
  fc
    .tuple(
      fc.shuffledSubarray([...names], { minLength: names.length, maxLength: names.length }),
      fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 5 }),
    )
    .map(([shuffled, repetitions]) => {
      const sequence = [...causal(shuffled, causesOfRelease)];
      for (const [which, later] of sequence.length > 0 ? repetitions : []) {
        const from = which % sequence.length;
        const name = sequence[from]!;
        if (name !== 'cancel') sequence.splice(from + 1 + (later % (sequence.length - from)), 0, name);
      }
      return sequence;
    });

/** An order on its way, which takes commands one by one and makes a new refund id for each, as the edges do. */
const order = (free: boolean) => {
  const place = placeOrder(free ? { lines: [{ sku: 'gift', quantity: 1, unitPrice: 0 }] } : {});
  let ids = 0;
  let state: Order | null = null;
  const take = (command: OrderCommand): boolean => {
    ids += 1;
    const answersRefund = command.type.startsWith('RecordRefund');
    const own = 'refundId' in command && !answersRefund ? { ...command, refundId: `r-${ids}` } : command;
    const decision = decider.decide(own, state);
    if (decision.ok) state = fold(decider, decision.events, state) as Order;
    return decision.ok;
  };
  take(place);
  const now = (): Order => state!;
  return { take, now };
};
type Life = ReturnType<typeof order>;

const takeAll = (life: Life, names: readonly Name[], free: boolean): void => {
  for (const name of names) {
    expect(life.take(facts(free)[name])).toBe(true);
  }
};

type Provider = 'silent' | 'pays back' | 'cannot pay back';
const settle = (life: Life, provider: Provider): void => {
  const record = provider === 'pays back' ? recordRefundCompleted : recordRefundFailed;
  const open = [...life.now().refunds].filter(([, refund]) => refund.status === 'requested');
  for (const [refundId, { amount }] of provider === 'silent' ? [] : open) {
    life.take(record({ refundId, amount }));
    life.take(record({ refundId, amount }));
  }
};

/** What must be the same: all that the client sees but the time of the last change, and the money that is left. */
const outcome = (life: Life) => {
  const { updatedAt: _, ...seen } = orderDocument('o', 1, life.now());
  return { ...seen, refundable: refundable(life.now()), mismatches: [...life.now().mismatches].sort() };
};

const providers = fc.constantFrom<Provider>('silent', 'pays back', 'cannot pay back');
const twoArrivals = (names: readonly Name[], causesOfRelease?: readonly Name[]) =>
  fc.tuple(arrival(names, causesOfRelease), arrival(names, causesOfRelease));

describe('the same facts, whatever the order and the number of their arrivals', () => {
  it('lead to the same order', () => {
    const lives = fc
      .tuple(stockFacts, moneyFacts)
      .chain(([stock, money]) => fc.tuple(twoArrivals([...stock, ...money]), fc.boolean(), providers));
    fc.assert(
      fc.property(lives, ([arrivals, free, provider]) => {
        const [one, other] = arrivals.map((names) => {
          const life = order(free);
          takeAll(life, names, free);
          settle(life, provider);
          return outcome(life);
        });
        expect(one).toEqual(other);
      }),
      propertyOptions({ numRuns: 2000 }),
    );
  });

  it('lead to the same order, also when the provider answers each refund at a time of its own', () => {
    const lives = fc.tuple(stockFacts, moneyFacts).chain(([stock, money]) => {
      const early = fc.array(fc.boolean(), { minLength: 30, maxLength: 30 });
      return fc.tuple(twoArrivals([...stock, ...money]), early);
    });
    fc.assert(
      fc.property(lives, ([arrivals, early]) => {
        const [one, other] = arrivals.map((names) => {
          const life = order(false);
          for (const [index, name] of names.entries()) {
            takeAll(life, [name], false);
            if (early[index]) settle(life, 'pays back');
          }
          settle(life, 'pays back');
          return outcome(life);
        });
        expect(one).toEqual(other);
      }),
      propertyOptions({ numRuns: 1000 }),
    );
  });

  it('lead to the same order, wherever among them the client cancels', () => {
    const lives = fc.tuple(stockFacts, moneyFacts).chain(([stock, money]) => {
      // What was reserved for an order that the client cancels is released because of that.
      const withRelease: readonly Name[] = stock[0] === 'reserved' ? ['reserved', 'released'] : stock;
      const causes: readonly Name[] = ['reserved', 'cancel'];
      return fc.tuple(twoArrivals([...withRelease, ...money, 'cancel'], causes), fc.boolean(), providers);
    });
    const accepted = { both: 0, neither: 0, one: 0 };
    fc.assert(
      fc.property(lives, ([arrivals, free, provider]) => {
        const ends = arrivals.map((names) => {
          const life = order(free);
          let allowed = false;
          for (const name of names) {
            const taken = life.take(facts(free)[name]);
            if (name === 'cancel') allowed = taken;
            else expect(taken).toBe(true);
          }
          settle(life, provider);
          return { allowed, order: outcome(life) };
        });
        const [one, other] = ends;
        if (one?.allowed !== other?.allowed) {
          accepted.one += 1;
          expect(new Set(ends.map((end) => end.order.cancelReason))).toEqual(
            new Set(['customer', 'out_of_stock']),
          );
          return;
        }
        accepted[one?.allowed ? 'both' : 'neither'] += 1;
        expect(one?.order).toEqual(other?.order);
      }),
      propertyOptions({ numRuns: 2000 }),
    );
    console.info(
      `the cancellation was allowed in both arrivals, in one, in neither: ${JSON.stringify(accepted)}`,
    );
  });
});

const decisions: Readonly<Record<string, (life: Life) => void>> = {
  nothing: () => undefined,
  cancel: (life) => void life.take(cancelOrder()),
  deadline: (life) => void life.take(expireOrder()),
  'refund of everything': (life) => void life.take(requestRefund()),
  'refund of a part': (life) => void life.take(requestRefund({ amount: 1000 })),
  ship: (life) => void life.take(shipOrder()),
  'ship and deliver': (life) => {
    life.take(shipOrder());
    life.take(deliverOrder());
  },
};

describe('the same facts before, and the same facts after a decision', () => {
  it('lead to the same order, whatever their order and number', () => {
    const lives = fc.tuple(stockFacts, moneyFacts).chain(([stock, money]) =>
      fc.tuple(fc.nat(stock.length), fc.subarray(money)).chain(([stockBefore, before]) => {
        const after = money.filter((name) => !before.includes(name));
        return fc.tuple(
          twoArrivals([...stock.slice(0, stockBefore), ...before]),
          twoArrivals([...stock.slice(stockBefore), ...after]),
          fc.constantFrom(...Object.keys(decisions)),
          fc.boolean(),
          fc.constantFrom<Provider>('silent', 'pays back'),
        );
      }),
    );
    fc.assert(
      fc.property(lives, ([befores, afters, decision, free, provider]) => {
        const [one, other] = befores.map((before, index) => {
          const life = order(free);
          takeAll(life, before, free);
          decisions[decision]?.(life);
          const between = outcome(life);
          takeAll(life, afters[index]!, free);
          settle(life, provider);
          return [between, outcome(life)];
        });
        expect(one).toEqual(other);
      }),
      propertyOptions({ numRuns: 3000 }),
    );
  });

  it('a failed refund of the whole payment and the reservation of the goods lead to the same order', () => {
    const [goodsFirst, failureFirst] = [true, false].map((first) => {
      const life = order(false);
      takeAll(life, ['p-1 captured'], false);
      life.take(requestRefund());
      if (first) takeAll(life, ['reserved'], false);
      settle(life, 'cannot pay back');
      takeAll(life, ['reserved'], false);
      return outcome(life);
    });
    expect(goodsFirst).toEqual(failureFirst);
    expect(goodsFirst).toMatchObject({ status: 'confirmed', payment: 'captured' });
  });
});
