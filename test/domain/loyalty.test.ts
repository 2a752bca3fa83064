import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decidePoints, evolvePoints, noPoints, type PointsEvent } from '../../src/domain/loyalty/points.ts';
import { pointsAggregate } from '../../src/domain/loyalty/pointsAggregate.ts';
import { type PointsRate, pointsFor } from '../../src/domain/loyalty/pointsRate.ts';
import { pointsDue, type SaleCommand, type SaleEvent } from '../../src/domain/loyalty/sale.ts';
import { saleAggregate } from '../../src/domain/loyalty/saleAggregate.ts';
import { fold } from '../../src/domain/shared/decider.ts';
import { given } from '../support/given.ts';
import { propertyOptions } from '../support/properties.ts';

const at = '2026-11-23T05:00:00.000Z';
const one: PointsRate = { points: 1, per: 100 };
const decider = saleAggregate.decider;

const opened = (total = 2_598, rate: PointsRate | null = one): SaleEvent => ({
  type: 'SaleOpened',
  at,
  data: { customerId: 'c-42', total, currency: 'EUR', rate },
});
const openSale: SaleCommand = {
  type: 'OpenSale',
  at,
  customerId: 'c-42',
  total: 2_598,
  currency: 'EUR',
  rate: one,
};
const captured = (sum: number): SaleEvent => ({ type: 'SaleCaptured', at, data: { captured: sum } });
const refunded = (sum: number): SaleEvent => ({ type: 'SaleRefunded', at, data: { refunded: sum } });
const delivered: SaleEvent = { type: 'SaleDelivered', at, data: {} };
const due = (...events: readonly SaleEvent[]): number => pointsDue(fold(decider, events));

describe('what a sale is worth', () => {
  it('is nothing until the goods have arrived, and then so much for its total, rounded down', () => {
    expect(due(opened(), captured(2_598))).toBe(0);
    expect(due(opened(), captured(2_598), delivered)).toBe(25);
  });

  it('goes down in proportion to what was paid back, so that parts never drift from the whole', () => {
    const events = [opened(), captured(2_598), delivered];
    expect(due(...events, refunded(99))).toBe(24);
    expect(due(...events, refunded(198))).toBe(24);
    expect(due(...events, refunded(2_598))).toBe(0);
  });

  it('takes into account what was paid back before the goods arrived', () => {
    expect(due(opened(), captured(2_598), refunded(1_299), delivered)).toBe(12);
  });

  it('does not suffer when money that was paid twice is paid back', () => {
    const twice = [opened(), captured(5_196), refunded(2_598), delivered];
    expect(due(...twice)).toBe(25);
    expect(due(...twice, refunded(2_798))).toBe(23);
  });

  it('is nothing in a currency that earns nothing', () => {
    expect(due(opened(2_598, null), captured(2_598), delivered)).toBe(0);
  });

  it('is exact for the largest amounts', () => {
    expect(pointsFor(Number.MAX_SAFE_INTEGER, { points: 3, per: 3 })).toBe(Number.MAX_SAFE_INTEGER);
    expect(pointsFor(Number.MAX_SAFE_INTEGER, { points: 999, per: 1_000 })).toBe(8_998_192_055_486_250);
  });

  it('is never more than a number can count, however generous the rate', () => {
    const generous: PointsRate = { points: 999_999_999, per: 1 };
    expect(pointsFor(Number.MAX_SAFE_INTEGER, generous)).toBe(Number.MAX_SAFE_INTEGER);
    const events = [opened(9_007_200, generous), captured(9_007_200), delivered];
    expect(due(...events)).toBe(Number.MAX_SAFE_INTEGER);
    expect(due(...events, refunded(9_000_000))).toBe(7_199_999_992_800);
  });
});

describe('a sale', () => {
  it('is opened once, with the rate of that day', () => {
    given(decider).when(openSale).thenEvents(opened());
    given(decider, opened())
      .when({ ...openSale, rate: null })
      .thenNothing();
  });

  it('notes what is new, and what is repeated or overtaken not again', () => {
    given(decider, opened()).when({ type: 'NoteCaptured', at, captured: 2_598 }).thenEvents(captured(2_598));
    given(decider, opened(), captured(2_598))
      .when({ type: 'NoteCaptured', at, captured: 2_598 })
      .thenNothing();
    given(decider, opened()).when({ type: 'NoteRefunded', at, refunded: 100 }).thenEvents(refunded(100));
    given(decider, opened(), refunded(100)).when({ type: 'NoteRefunded', at, refunded: 50 }).thenNothing();
    given(decider, opened()).when({ type: 'NoteDelivered', at }).thenEvents(delivered);
    given(decider, opened(), delivered).when({ type: 'NoteDelivered', at }).thenNothing();
  });

  it('that nobody has heard of notes nothing', () => {
    given(decider).when({ type: 'NoteDelivered', at }).thenNothing();
    given(decider).when({ type: 'NoteRefunded', at, refunded: 1 }).thenNothing();
  });

  it('tells the outside world nothing', () => {
    expect(saleAggregate.isPublic?.('SaleOpened')).toBe(false);
    expect(() => saleAggregate.toPublic(delivered, null, 'o-1', 1)).toThrow('not public');
  });
});

describe('points', () => {
  const move = (change: number) => ({ type: 'MovePoints', at, orderId: 'o-1', change }) as const;
  const credited = (points: number): PointsEvent => ({
    type: 'PointsCredited',
    at,
    data: { orderId: 'o-1', points },
  });
  const clawedBack = (points: number): PointsEvent => ({
    type: 'PointsClawedBack',
    at,
    data: { orderId: 'o-1', points, reason: 'refund' },
  });
  const account = pointsAggregate.decider;

  it('are credited and clawed back, with the order that they are for', () => {
    given(account).when(move(25)).thenEvents(credited(25));
    given(account, credited(25)).when(move(-13)).thenEvents(clawedBack(13));
    given(account).when(move(0)).thenNothing();
  });

  it('are credited up to what a number can count, and no further', () => {
    const most = Number.MAX_SAFE_INTEGER;
    given(account, credited(most - 10))
      .when(move(10))
      .thenEvents(credited(10));
    given(account, credited(most - 10))
      .when(move(25))
      .thenEvents(credited(10));
    given(account, credited(most)).when(move(1)).thenNothing();
  });

  it('are clawed back as far as there are any: what went beyond the limit was never credited', () => {
    const most = Number.MAX_SAFE_INTEGER;
    given(account, credited(most), clawedBack(most - 5))
      .when(move(-25))
      .thenEvents(clawedBack(5));
    given(account, credited(25), clawedBack(25)).when(move(-1)).thenNothing();
  });

  it('count exactly, whatever amounts come', () => {
    const change = fc.integer({ min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });
    const property = fc.property(fc.array(change, { minLength: 1, maxLength: 20 }), (changes) => {
      let points = noPoints;
      let sum = 0n;
      for (const each of changes) {
        const decision = account.decide(move(each), points);
        if (!decision.ok) throw new Error('a fact was refused');
        for (const event of decision.events) {
          expect(event.data.points).toBeGreaterThanOrEqual(1);
          sum += BigInt(event.data.points) * (event.type === 'PointsCredited' ? 1n : -1n);
          points = account.evolve(points, event);
        }
        expect(BigInt(points.balance)).toBe(sum);
        expect(points.balance).toBeGreaterThanOrEqual(0);
        expect(Number.isSafeInteger(points.balance)).toBe(true);
      }
    });
    fc.assert(property, propertyOptions({ numRuns: 300 }));
  });

  it('are told to the outside world with the balance', () => {
    const after = fold(account, [credited(25), clawedBack(13)]);
    expect(pointsAggregate.toPublic(clawedBack(13), after, 'c-42', 2)).toEqual({
      name: 'loyalty.points-clawed-back',
      data: { customerId: 'c-42', orderId: 'o-1', points: 13, reason: 'refund', balance: 12 },
    });
  });
});

describe('points of a customer, whatever happens to the orders, in whatever order and how often', () => {
  const amount = fc.integer({ min: 0, max: 1_000_000 });
  const fact: fc.Arbitrary<SaleCommand> = fc.oneof(
    amount.map((sum): SaleCommand => ({ type: 'NoteCaptured', at, captured: sum })),
    amount.map((sum): SaleCommand => ({ type: 'NoteRefunded', at, refunded: sum })),
    fc.constant<SaleCommand>({ type: 'NoteDelivered', at }),
  );
  const rate = fc.record({
    points: fc.integer({ min: 1, max: 1_000 }),
    per: fc.integer({ min: 1, max: 1_000 }),
  });
  const order = fc.record({ total: amount, rate: fc.option(rate), facts: fc.array(fact, { maxLength: 12 }) });

  it('are the sum of what the orders are worth, and never less than nothing on the way', () => {
    const property = fc.property(fc.array(order, { minLength: 1, maxLength: 4 }), (orders) => {
      let points = noPoints;
      let expected = 0;
      for (const { total, rate: own, facts } of orders) {
        let sale = fold(decider, [opened(total, own)]);
        for (const command of facts.flatMap((each) => [each, each])) {
          const decision = decider.decide(command, sale);
          if (!decision.ok) throw new Error('a fact was refused');
          const after = fold(decider, decision.events, sale);
          const change = pointsDue(after) - pointsDue(sale);
          sale = after;
          const moved = decidePoints({ type: 'MovePoints', at, orderId: 'o', change }, points);
          if (moved.ok) for (const event of moved.events) points = evolvePoints(points, event);
          expect(points.balance).toBeGreaterThanOrEqual(0);
        }
        expected += pointsDue(sale);
      }
      expect(points.balance).toBe(expected);
    });
    fc.assert(property, propertyOptions({ numRuns: 300 }));
  });

  it('are the rule of what was delivered and not paid back, for an order that was paid once', () => {
    const paid = fc.record({
      total: fc.integer({ min: 1, max: 1_000_000 }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      rate,
    });
    const property = fc.property(paid, ({ total, part, rate: own }) => {
      const back = Math.floor(total * part);
      expect(due(opened(total, own), captured(total), delivered, refunded(back))).toBe(
        pointsFor(total - back, own),
      );
    });
    fc.assert(property, propertyOptions({ numRuns: 300 }));
  });
});
