import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { readState } from '../../src/app/commands/readState.ts';
import { orderModel } from '../../src/app/orders/orderModel.ts';
import { type Order, refundable } from '../../src/domain/orders/order.ts';
import type { OrderCommand } from '../../src/domain/orders/orderCommands.ts';
import type { PaymentFact } from '../../src/ports/callbackService.ts';
import { StoreUnavailable } from '../../src/ports/unitOfWork.ts';
import { placeOrder } from '../support/orders.ts';
import { propertyOptions } from '../support/properties.ts';
import {
  expectCustomerWasToldOnce,
  expectOrderIsWell,
  expectPointsAreRight,
  expectStockIsConserved,
} from '../support/shopBooks.ts';
import { contexts, openShopWorld, type ShopWorld } from '../support/shopWorld.ts';

const tenant = 'default';
const skus = ['tea', 'pot', 'cup'] as const;
const customers = ['ann', 'bob'] as const;
const prices: Readonly<Record<string, number>> = { tea: 1_299, pot: 4_950, cup: 333 };

const lines = fc.uniqueArray(
  fc.record({ sku: fc.constantFrom(...skus), quantity: fc.integer({ min: 1, max: 3 }) }),
  { minLength: 1, maxLength: 3, selector: ({ sku }) => sku },
);

/** Which order something happens to: counted from the last that was placed, so that most hit a young one. */
const which = fc.nat({ max: 4 });

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('place' as const),
      customer: fc.constantFrom(...customers),
      lines,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('capture' as const),
      which,
      times: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('captureEarly' as const),
      customer: fc.constantFrom(...customers),
      lines,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('payTwice' as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fail' as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('cancel' as const, 'ship' as const, 'deliver' as const),
      which,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('shipAndDeliver' as const), which, returned: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('refund' as const),
      which,
      part: fc.constantFrom(0.1, 0.5, 1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('answerRefunds' as const), works: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('count' as const),
      sku: fc.constantFrom(...skus),
      onHand: fc.nat({ max: 12 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('crash' as const), context: fc.constantFrom(...contexts) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('disconnect' as const), context: fc.constantFrom(...contexts) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(0, 1, 20, 300, 2_000, 70_000),
    }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

const seen = {
  crashes: 0,
  duplicates: 0,
  outOfStock: 0,
  refunds: 0,
  returns: 0,
  delivered: 0,
  expired: 0,
  parked: 0,
  told: 0,
};

/** What the world does, as its clients, its operators and its payment provider see it. */
const playIn = (world: ShopWorld) => {
  const placed: string[] = [];
  /** What the provider has taken, by order and payment. */
  const taken = new Map<string, Map<string, number>>();
  const now = (): string => new Date(world.clock.now()).toISOString();
  const cause = () => {
    const id = uuidV7Ids.next();
    return { tenant, correlationId: id, causationId: id, traceparent: null };
  };
  /** Lets time pass until the answer is there; what could not be written is sent again, as clients do. */
  const untilAnswered = async <T>(send: () => Promise<T> | undefined): Promise<T> => {
    for (;;) {
      const answer = send();
      if (answer === undefined) throw new Error('nobody serves this');
      const result = await world.inTime(
        answer.then(
          (value) => ({ value }),
          (error: unknown) => ({ error }),
        ),
      );
      if ('value' in result) return result.value;
      if (!(result.error instanceof StoreUnavailable)) throw result.error;
      await world.clock.advance(50);
    }
  };
  const submit = (orderId: string, command: OrderCommand) =>
    untilAnswered(() => world.process('orders').parts.orders?.submit({ cause: cause(), orderId, command }));
  const order = async (id: string): Promise<Order | null> =>
    (await readState(orderModel, world.stores.orders, tenant, id)).state;
  const report = (callbackId: string, fact: Omit<PaymentFact, 'currency' | 'reason'>) =>
    untilAnswered(() =>
      world.process('orders').parts.callbacks?.receive({
        cause: cause(),
        provider: 'pay',
        callbackId,
        receivedAt: world.clock.now(),
        body: new Uint8Array(),
        content: { kind: 'fact', fact: { ...fact, currency: 'EUR', reason: null } },
      }),
    );
  const place = (id: string, customer: string, wanted: readonly { sku: string; quantity: number }[]) =>
    submit(
      id,
      placeOrder({
        at: now(),
        customerId: customer,
        lines: wanted.map((line) => ({ ...line, unitPrice: prices[line.sku] ?? 1 })),
      }),
    );
  const totalOf = (wanted: readonly { sku: string; quantity: number }[]): number =>
    wanted.reduce((sum, { sku, quantity }) => sum + quantity * (prices[sku] ?? 1), 0);
  const capture = (orderId: string, paymentId: string, amount: number) => {
    taken.set(orderId, (taken.get(orderId) ?? new Map()).set(paymentId, amount));
    return report(`${paymentId}-captured`, {
      type: 'payment.captured',
      orderId,
      paymentId,
      refundId: null,
      amount,
    });
  };
  const takenFor = (orderId: string): number =>
    [...(taken.get(orderId)?.values() ?? [])].reduce((sum, amount) => sum + amount, 0);
  const answerRefunds = async (works: boolean): Promise<number> => {
    let answered = 0;
    for (const id of placed) {
      const found = await order(id);
      for (const [refundId, { status, amount }] of found?.refunds ?? []) {
        if (status !== 'requested') continue;
        const type = works ? 'refund.completed' : 'refund.failed';
        const fact = { type, orderId: id, paymentId: `p-${id}`, refundId, amount } as const;
        await report(`${refundId}-${type}`, fact);
        await report(`${refundId}-${type}`, fact);
        answered += 1;
        seen.duplicates += 1;
      }
    }
    return answered;
  };
  const at = (): { at: string } => ({ at: now() });
  const pick = (index: number): string | undefined => placed.at(-1 - index) ?? placed.at(-1);

  const run = async (one: Step): Promise<void> => {
    switch (one.do) {
      case 'place': {
        const id = uuidV7Ids.next();
        placed.push(id);
        await place(id, one.customer, one.lines);
        return;
      }
      case 'captureEarly': {
        const id = uuidV7Ids.next();
        await capture(id, `p-${id}`, totalOf(one.lines));
        seen.parked += 1;
        placed.push(id);
        await place(id, one.customer, one.lines);
        return;
      }
      case 'count':
        await untilAnswered(() =>
          world
            .process('orders')
            .parts.stock?.set({ cause: cause(), sku: one.sku, onHand: one.onHand, at: now() }),
        );
        return;
      case 'crash':
        seen.crashes += 1;
        await world.restart(one.context);
        return;
      case 'disconnect': {
        const { broker } = world.process(one.context);
        broker.disconnect();
        await world.clock.advance(100);
        broker.reconnect();
        return;
      }
      case 'wait':
        await world.clock.advance(one.ms);
        return;
      case 'answerRefunds':
        await answerRefunds(one.works);
        return;
      default:
    }
    const id = pick(one.which);
    if (id === undefined) return;
    const found = await order(id);
    if (found === null) return;
    switch (one.do) {
      case 'capture':
        for (let time = 0; time < one.times; time += 1) await capture(id, `p-${id}`, found.total);
        if (one.times > 1) seen.duplicates += 1;
        return;
      case 'payTwice':
        await capture(id, `p2-${id}`, found.total);
        return;
      case 'fail':
        await report(`f-${id}`, {
          type: 'payment.failed',
          orderId: id,
          paymentId: `f-${id}`,
          refundId: null,
          amount: found.total,
        });
        return;
      case 'cancel':
        await submit(id, { type: 'CancelOrder', ...at(), note: null, refundId: uuidV7Ids.next() });
        return;
      case 'ship':
        await submit(id, { type: 'ShipOrder', ...at(), carrier: 'c', trackingNumber: 't' });
        return;
      case 'deliver':
        await submit(id, { type: 'DeliverOrder', ...at() });
        return;
      case 'shipAndDeliver':
        await world.clock.advance(200);
        await submit(id, { type: 'ShipOrder', ...at(), carrier: 'c', trackingNumber: 't' });
        await submit(id, { type: 'DeliverOrder', ...at() });
        if (one.returned) {
          const amount = Math.ceil(found.total / 2);
          await submit(id, {
            type: 'RequestRefund',
            ...at(),
            amount,
            reason: null,
            refundId: uuidV7Ids.next(),
          });
        }
        return;
      case 'refund': {
        const amount = Math.max(1, Math.floor(refundable(found) * one.part));
        await submit(id, {
          type: 'RequestRefund',
          ...at(),
          amount,
          reason: null,
          refundId: uuidV7Ids.next(),
        });
        return;
      }
      default:
        one satisfies never;
    }
  };

  /** A refund that failed leaves money of an order that is over: the shop asks for it again. */
  const askAgain = async (): Promise<void> => {
    for (const id of placed) {
      const found = await order(id);
      if (found?.status !== 'cancelled' || refundable(found) === 0) continue;
      const command = { type: 'RequestRefund', ...at(), amount: null, reason: null } as const;
      await submit(id, { ...command, refundId: uuidV7Ids.next() });
    }
  };

  /** Deadlines pass, everybody answers what is open, and nothing is left on its way. */
  const settle = async (): Promise<void> => {
    do {
      await world.clock.advance(70_000);
      for (let tries = 0; !(await world.isQuiet()); tries += 1) {
        if (tries === 300) throw new Error(`never quiet:\n${await world.describe()}`);
        await world.clock.advance(1_000);
      }
      await askAgain();
    } while ((await answerRefunds(true)) > 0);
  };
  return { run, settle, placed, order, takenFor };
};

describe('a shop of four contexts that share nothing but messages', () => {
  it('keeps its books, whatever is repeated, reordered, delayed, and whoever dies', async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 50 }), async (steps) => {
      const world = await openShopWorld();
      try {
        const play = playIn(world);
        for (const sku of skus) await play.run({ do: 'count', sku, onHand: 8 });
        for (const one of steps) await play.run(one);
        await play.settle();

        const orders: Order[] = [];
        for (const id of play.placed) {
          const found = await play.order(id);
          if (found === null) throw new Error(`the order ${id} is not there`);
          orders.push(found);
          expectOrderIsWell(found);
          expect(found.captured).toBe(play.takenFor(id));
          const told = world.told.filter(({ orderId }) => orderId === id);
          const keys = new Set(told.map(({ idempotencyKey }) => idempotencyKey));
          await expectCustomerWasToldOnce(world.stores.notifications, id, found, keys);
          seen.told += keys.size;
        }
        await expectStockIsConserved(world.stores.inventory, skus, play.placed);
        await expectPointsAreRight(world.stores.loyalty, customers, orders);
        expect(await world.stores.orders.callbacks.list({ tenant, state: 'parked', limit: 10 })).toEqual([]);
        expect(world.logger.entries.filter(({ level }) => level === 'error')).toEqual([]);
        for (const { status, cancelReason, refunded } of orders) {
          if (status === 'delivered') seen.delivered += 1;
          if (cancelReason === 'out_of_stock') seen.outOfStock += 1;
          if (cancelReason === 'expired') seen.expired += 1;
          if (refunded > 0) seen.refunds += 1;
          if (refunded > 0 && status === 'delivered') seen.returns += 1;
        }
      } finally {
        world.close();
      }
    });
    await fc.assert(property, { ...propertyOptions({ numRuns: 40 }), endOnFailure: true });
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(0);
  }, 180_000);
});
