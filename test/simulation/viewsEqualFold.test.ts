import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Pause } from '../../src/adapters/memory/MemoryTransaction.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { WritePipeline } from '../../src/app/commands/WritePipeline.ts';
import { foldOrder } from '../../src/app/orders/orderHistory.ts';
import { documentOf, orderStream } from '../../src/app/orders/orderModel.ts';
import { orderService } from '../../src/app/orders/orderService.ts';
import { rebuildOrderViews } from '../../src/app/orders/rebuildOrderViews.ts';
import type { PlaceOrder } from '../../src/domain/orders/orderCommands.ts';
import type { RecordedEvent } from '../../src/ports/eventStore.ts';
import type { OrderViewRow } from '../../src/ports/orderViews.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { commandFor, placing, type Step, steps } from '../domain/orderSteps.ts';
import { anyDamage, type Damage, damageViews } from '../support/damageViews.ts';
import { interleave } from '../support/interleave.ts';
import { propertyOptions } from '../support/properties.ts';
import { memoryDatabase, sqliteDatabase, type ViewsDatabase } from '../support/viewsWorld.ts';

/** What one round of an order list's life holds; all of it happens at once, after the damage. */
interface Round {
  readonly damages: readonly Damage[];
  readonly placed: readonly PlaceOrder[];
  readonly steps: readonly { readonly order: number; readonly step: Step }[];
  readonly rebuild: boolean;
  /** Which process dies, and at which of its steps. */
  readonly death: { readonly who: 'service' | 'rebuild'; readonly at: number } | null;
}

const step = steps.filter((list) => list.length > 0).map(([first]) => first!);

const round: fc.Arbitrary<Round> = fc.record({
  damages: fc.array(anyDamage, { maxLength: 4 }),
  placed: fc.array(placing, { maxLength: 4 }),
  steps: fc.array(fc.record({ order: fc.nat(2), step }), { maxLength: 8 }),
  rebuild: fc.constantFrom(true, true, false),
  death: fc.option(
    fc.record({
      who: fc.constantFrom('service' as const, 'rebuild' as const),
      at: fc.integer({ min: 1, max: 25 }),
    }),
  ),
});

const rounds = fc.array(round, { minLength: 1, maxLength: 5 });

const seen = { damaged: 0, deaths: 0, repaired: 0, cleanRounds: 0 };

describe('the order list', () => {
  it('equals the fold of the log after any crash, restart or rebuild (memory, every interleaving)', async () => {
    const property = fc.asyncProperty(fc.scheduler(), rounds, async (scheduler, chosen) => {
      const paused: Pause = async (label) => {
        await scheduler.schedule(Promise.resolve(), label);
      };
      await interleave(scheduler, live(await memoryDatabase(), chosen, paused));
    });
    await fc.assert(property, propertyOptions({ numRuns: 150 }));
    expect(Object.entries(seen).filter(([, count]) => count === 0)).toEqual([]);
  });

  it('equals the fold of the log after any crash, restart or rebuild (SQLite)', async () => {
    const property = fc.asyncProperty(rounds, async (chosen) => {
      await live(await sqliteDatabase(), chosen, async () => undefined);
    });
    await fc.assert(property, propertyOptions({ numRuns: 20 }));
  }, 120_000);
});

/** Lives through the rounds; whenever nothing is damaged, and at the end after a rebuild, list and log must agree. */
const live = async (database: ViewsDatabase, chosen: readonly Round[], paused: Pause): Promise<void> => {
  try {
    let damaged = false;
    const orders: string[] = [];
    for (const each of chosen) {
      if (await damageViews(database, each.damages)) {
        damaged = true;
        seen.damaged += 1;
      }
      const { rebuilt } = await liveRound(database, each, orders, paused);
      if (rebuilt) damaged = false;
      if (damaged) continue;
      seen.cleanRounds += 1;
      await expectListToBeTheFold(database);
    }
    await rebuildAlone(database);
    await expectListToBeTheFold(database);
    expect((await rebuildAlone(database)).repaired).toBe(0);
  } finally {
    await database.remove();
  }
};

const liveRound = async (
  database: ViewsDatabase,
  { placed, steps, rebuild, death }: Round,
  orders: string[],
  paused: Pause,
): Promise<{ readonly rebuilt: boolean }> => {
  const service = mortal(paused, death?.who === 'service' ? death.at : null);
  const rebuilder = mortal(paused, death?.who === 'rebuild' ? death.at : null);
  const [stores, beside] = await Promise.all([database.open(service.pause), database.open(rebuilder.pause)]);
  const submit = submitTo(stores, service.pause);
  const known = [...orders];
  const writes = placed.map((command) => {
    const orderId = uuidV7Ids.next();
    orders.push(orderId);
    return submit(orderId, () => command);
  });
  const changes = known.length === 0 ? [] : steps;
  for (const [index, { order, step }] of changes.entries()) {
    const orderId = known[order % known.length]!;
    writes.push(submit(orderId, (state) => (state === null ? null : commandFor(step, index, state))));
  }
  const running = rebuild ? runRebuild(beside, rebuilder.pause) : undefined;
  const [outcome] = await Promise.allSettled([running, ...writes]);
  if (service.died() || rebuilder.died()) seen.deaths += 1;
  // Closing takes no step that a death or a scheduler could hold up.
  await Promise.all([stores.close(), beside.close()]);
  if (outcome?.status === 'rejected' && !rebuilder.died()) throw outcome.reason;
  if (outcome?.status !== 'fulfilled' || outcome.value === undefined) return { rebuilt: false };
  seen.repaired += outcome.value.repaired;
  return { rebuilt: outcome.value.finished };
};

const runRebuild = (stores: Stores, pause: Pause) =>
  rebuildOrderViews(
    { stores, clock: { now: () => 0, sleep: () => pause('sleep').catch(() => undefined) } },
    { pageSize: 3 },
  );

const rebuildAlone = async (database: ViewsDatabase) => {
  const stores = await database.open(async () => undefined);
  try {
    return await rebuildOrderViews({ stores, clock: systemClock }, { pageSize: 2 });
  } finally {
    await stores.close();
  }
};

/** A process that dies at its n-th step: that one and all later ones fail, so nothing more is committed. */
const mortal = (paused: Pause, dieAt: number | null) => {
  let stepsTaken = 0;
  const pause: Pause = async (label) => {
    stepsTaken += 1;
    if (dieAt !== null && stepsTaken >= dieAt) throw new Error('the process died');
    await paused(label);
  };
  return { pause, died: () => dieAt !== null && stepsTaken >= dieAt };
};

const tenantOf = (orderId: string): string => (orderId.charCodeAt(35) % 2 === 0 ? 'default' : 'other');

const submitTo = (stores: Stores, pause: Pause) => {
  const pipeline = new WritePipeline({
    unitOfWork: stores.unitOfWork,
    clock: { now: systemClock.now, sleep: () => pause('sleep').catch(() => undefined) },
    ids: uuidV7Ids,
    logger: silentLogger,
    capacity: 100,
    maxBatch: 3,
    onCommitted: () => {},
  });
  const waiters = { waitFor: () => Promise.resolve(false) };
  const service = orderService({ pipeline, events: stores.events, views: stores.orderViews, waiters });
  return async (
    orderId: string,
    choose: (state: ReturnType<typeof foldOrder>) => Parameters<typeof service.submit>[0]['command'] | null,
  ): Promise<void> => {
    const tenant = tenantOf(orderId);
    const command = choose(
      foldOrder(await stores.events.readStream({ tenant, stream: orderStream(orderId) })),
    );
    if (command === null) return;
    const cause = { tenant, correlationId: 'c', causationId: 'c', traceparent: null };
    await service.submit({ cause, orderId, command });
  };
};

/** The list as it is, and as it must be: straight from the log. */
const expectListToBeTheFold = async (database: ViewsDatabase): Promise<void> => {
  const stores = await database.open(async () => undefined);
  const log = await stores.events.readAll(0, 10_000);
  await stores.close();
  const streams = Map.groupBy(log, ({ tenant, stream }) => `${tenant} ${stream}`);
  const actual = [...(await database.rows())].sort((one, other) => one.firstPosition - other.firstPosition);
  expect(actual).toEqual([...streams.values()].map(expectedRow));
};

const expectedRow = (history: readonly RecordedEvent[]): OrderViewRow => {
  const [first] = history;
  if (first === undefined) throw new Error('a stream has at least one event');
  const orderId = first.stream.slice('orders/'.length);
  const order = documentOf(orderId, history.length, foldOrder(history));
  return {
    tenant: first.tenant,
    orderId,
    version: history.length,
    firstPosition: first.position,
    customerId: order.customerId,
    status: order.status,
    clientReference: order.clientReference,
    placedAt: Date.parse(order.placedAt),
    document: JSON.stringify(order),
  };
};
