import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryState } from '../../src/adapters/memory/memoryState.ts';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { callbackService } from '../../src/app/callbacks/callbackService.ts';
import { ParkedCallbacks } from '../../src/app/callbacks/ParkedCallbacks.ts';
import { WritePipeline } from '../../src/app/commands/WritePipeline.ts';
import { orderService } from '../../src/app/orders/orderService.ts';
import type { VerifiedCallback } from '../../src/ports/callbackService.ts';
import { streamKeyText } from '../../src/ports/eventStore.ts';
import { interleave } from '../support/interleave.ts';
import { placeOrder } from '../support/orders.ts';
import { propertyOptions } from '../support/properties.ts';

const cause = { tenant: 'default', correlationId: 'c', causationId: 'c', traceparent: null };

/** Copies differ in what they say, so that the order itself would not take a second one for a repetition. */
const callbackOf = (number: number, order: number, copy: number): VerifiedCallback => ({
  cause,
  provider: 'acme',
  callbackId: `msg-${number}`,
  receivedAt: Date.now(),
  body: Buffer.from(`{"number":${number}}`),
  content: {
    kind: 'fact',
    fact: {
      type: 'payment.captured',
      orderId: `order-${order}`,
      paymentId: `${number}-${copy}`,
      refundId: null,
      amount: 2598,
      currency: 'EUR',
      reason: null,
    },
  },
});

/** One of several processes on one database; `pause` stands before each of its steps. */
const startProcess = (
  state: ReturnType<typeof createMemoryState>,
  pause: (label: string) => Promise<void>,
) => {
  const stores = openMemoryStores({ state, pause });
  const clock = { now: Date.now, sleep: () => pause('sleep') };
  const system = { clock, ids: uuidV7Ids, logger: silentLogger };
  const parts = { unitOfWork: stores.unitOfWork, ...system, capacity: 100, maxBatch: 3 };
  const pipeline = new WritePipeline({ ...parts, onCommitted: () => parked.wake() });
  const parked = new ParkedCallbacks({ callbacks: stores.callbacks, pipeline, ...system });
  const waiters = { waitFor: () => Promise.resolve(false) };
  return {
    parked,
    callbacks: callbackService({ pipeline, callbacks: stores.callbacks, ...system }),
    orders: orderService({ pipeline, events: stores.events, views: stores.orderViews, waiters }),
  };
};

/** Two processes on one database. The first dies at its n-th step: none of its calls ever answers again. */
const openWorld = (scheduler: fc.Scheduler, dieAt: number) => {
  let steps = 0;
  const death = Promise.withResolvers<never>();
  death.promise.catch(() => {});
  const scheduled = async (label: string): Promise<void> => {
    await scheduler.schedule(Promise.resolve(), label);
  };
  const mortal = async (label: string): Promise<void> => {
    steps += 1;
    if (steps === dieAt) death.reject(new Error('the process died'));
    if (steps >= dieAt) await new Promise(() => {});
    await scheduled(label);
  };
  const state = createMemoryState();
  const [first, second] = [startProcess(state, mortal), startProcess(state, scheduled)];
  first.parked.start();
  second.parked.start();
  /** Whoever is not answered asks the process that lives. */
  const ask = async <T>(which: number, request: (process: typeof first) => Promise<T>): Promise<T> => {
    if (which === 1) return request(second);
    try {
      return await Promise.race([request(first), death.promise]);
    } catch {
      return request(second);
    }
  };
  return { ask, scheduled, second, state, stores: openMemoryStores({ state }), died: () => steps >= dieAt };
};

const place = async ({ ask, state }: ReturnType<typeof openWorld>, which: number, order: number) => {
  await ask(which, async ({ orders }) => {
    // A client that was not answered would repeat its key; here it looks whether its order is there.
    if (state.streams.has(streamKeyText({ tenant: 'default', stream: `orders/order-${order}` }))) return;
    await orders.submit({ cause, orderId: `order-${order}`, command: placeOrder() });
  });
};

describe('callbacks under any interleaving', () => {
  it('are applied once each, parked or not, whatever crashes in between', async () => {
    const seen = { crashes: 0, parked: 0 };
    const process = fc.integer({ min: 0, max: 1 });
    const property = fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.record({ number: fc.integer({ min: 0, max: 3 }), process }), {
        minLength: 2,
        maxLength: 8,
      }),
      // Before which of the copies the orders are placed.
      fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 8 })),
      process,
      fc.integer({ min: 1, max: 80 }),
      async (scheduler, copies, placedBefore, placedBy, dieAt) => {
        const world = openWorld(scheduler, dieAt);
        const { stores } = world;
        const rows = () => stores.callbacks.list({ tenant: 'default', limit: 100 });
        const whole = async (): Promise<void> => {
          const works: Promise<unknown>[] = [];
          for (let index = 0; index <= 8; index += 1) {
            for (const [order, before] of placedBefore.entries()) {
              if (before === index) works.push(place(world, placedBy, order));
            }
            const copy = copies[index];
            if (copy === undefined) continue;
            const callback = callbackOf(copy.number, copy.number % 2, index);
            works.push(world.ask(copy.process, ({ callbacks }) => callbacks.receive(callback)));
            if (index % 2 === 1) await works.at(-1);
            if ((await rows()).some(({ state }) => state === 'parked')) seen.parked += 1;
          }
          await Promise.all(works);
          while ((await rows()).some(({ state }) => state !== 'applied')) await world.scheduled('look');
          await world.second.parked.stop();
        };
        await interleave(scheduler, whole());
        if (world.died()) seen.crashes += 1;

        const numbers = [...new Set(copies.map(({ number }) => number))].sort();
        const events = await stores.events.readAll(0, 1_000);
        const captured = events.filter(({ type }) => type === 'PaymentCaptured');
        const paid = captured.map(({ data }) =>
          Number((data as { paymentId: string }).paymentId.split('-')[0]),
        );
        expect(paid.sort()).toEqual(numbers);
        expect(events.filter(({ type }) => type === 'OrderPlaced')).toHaveLength(2);
        expect(await rows()).toHaveLength(numbers.length);
      },
    );
    await fc.assert(property, propertyOptions({ numRuns: 100 }));
    expect(seen.crashes).toBeGreaterThan(0);
    expect(seen.parked).toBeGreaterThan(0);
  }, 120_000);
});
