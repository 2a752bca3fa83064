import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { WorkerProcess } from '../support/serverProcess.ts';
import type { Fault } from './faults.ts';
import { type FaultWorld, type Footprint, footprintOf, onHand } from './faultWorld.ts';
import { quantity, type SteadyShop, skus } from './steadyShop.ts';

/** How a fault was survived, for the record. */
export interface Survival {
  readonly fault: string;
  readonly orders: number;
  readonly perSecond: number;
  /** Requests that were answered with 503, and sent again. */
  readonly putOff: number;
  /** The longest time without a new event at the auditors. */
  readonly silenceMs: number;
  /** From the end of the load until everything was handled. */
  readonly catchUpMs: number;
  readonly repeated: number;
  readonly processes: readonly (readonly [before: Footprint, after: Footprint])[];
}

export interface Load {
  /** Until what processes hold has stopped growing. */
  readonly warmUpSeconds: number;
  /** Before the fault, and again after it. */
  readonly calmSeconds: number;
  readonly faultSeconds: number;
}

/** Generous: the machine may be busy with other things. */
const catchUpTimeoutMs = 180_000;

/** Until everything was used once, what a process holds says nothing. */
export const warmUp = async (world: FaultWorld, load: Load): Promise<void> => {
  world.shop.go();
  await sleep(load.warmUpSeconds * 1000);
  await world.shop.pause();
  await everythingIsHandled(world);
};

/** Lets a fault happen under load, then demands that everything was handled, once and in order, and nothing is left. */
export const surviveFault = async (world: FaultWorld, fault: Fault, load: Load): Promise<Survival> => {
  const { shop, audit, cluster } = world;
  const orders = shop.placed.size;
  const repeated = audit.repeated();
  const putOff = shop.putOff();
  const before = new Map(processesOf(world).map((process) => [process, footprintOf(process)]));
  const started = performance.now();
  audit.longestSilence();
  shop.go();
  await sleep(load.calmSeconds * 1000);
  await fault.happen(world, load.faultSeconds);
  await sleep(load.calmSeconds * 1000);
  await shop.pause();
  const seconds = (performance.now() - started) / 1000;
  const placed = shop.placed.size - orders;
  const silenceMs = audit.longestSilence();
  const ended = performance.now();
  await cluster.whenWhole();
  await everythingIsHandled(world);
  const catchUpMs = performance.now() - ended;
  await nothingIsLeft(world);
  return {
    fault: fault.name,
    orders: placed,
    perSecond: placed / seconds,
    putOff: shop.putOff() - putOff,
    silenceMs,
    catchUpMs,
    repeated: audit.repeated() - repeated,
    processes: await nobodyLeaks(world, before),
  };
};

const processesOf = ({ front, consumers }: FaultWorld): readonly WorkerProcess[] => [front, ...consumers];

/** Every event of an order reached the auditors, and every order and every count of stock is as it must be. */
const everythingIsHandled = async ({ front, shop, audit, ledger }: FaultWorld): Promise<void> => {
  expect(shop.refused.slice(0, 3)).toEqual([]);
  await eventually(
    async () => {
      expect(await ledger.unpublished(), 'unpublished messages').toBe(0);
      const streams = await ledger.read();
      const unlike = [...shop.placed.keys()].filter(
        (id) => streams.get(`orders/${id}`)?.toSorted().join() !== historyOf(id, shop),
      );
      expect(unlike.slice(0, 3), `${unlike.length} orders that are not handled`).toEqual([]);
      const unheard = [...streams].filter(
        ([stream, types]) =>
          stream.startsWith('orders/') && audit.lastOf(`/orderflow/${stream}`) !== types.length,
      );
      expect(unheard.slice(0, 3), `${unheard.length} orders that an auditor has not seen`).toEqual([]);
    },
    { timeoutMs: catchUpTimeoutMs, intervalMs: 500 },
  );
  expect(audit.outOfOrder()).toEqual([]);
  await stockIsRight(front.url, shop);
};

/** In whatever order a cancellation and the reservation met. */
const historyOf = (id: string, { placed }: SteadyShop): string =>
  (placed.get(id)?.cancelled
    ? ['OrderCancelled', 'OrderPlaced', 'StockReleased', 'StockReserved']
    : ['OrderPlaced', 'StockReserved']
  ).join();

/** A message with two effects, or none, would show here: nothing else changes the counts. */
const stockIsRight = async (url: string, { placed }: SteadyShop): Promise<void> => {
  const reserved = new Map(skus.map((sku) => [sku, 0]));
  for (const { sku, cancelled } of placed.values())
    if (!cancelled) reserved.set(sku, (reserved.get(sku) ?? 0) + quantity);
  for (const [sku, count] of reserved) {
    const stock = await (await fetch(`${url}/v1/stock/${sku}`)).json();
    expect(stock).toMatchObject({ sku, onHand, reserved: count });
  }
};

const nothingIsLeft = async ({ cluster, ledger }: FaultWorld): Promise<void> => {
  expect(await ledger.unhandled(), 'messages set aside or kept for later').toBe(0);
  await eventually(async () => expect(await cluster.leftInQueues()).toEqual([]), { timeoutMs: 60_000 });
};

/** A fault may cost a new connection's buffers, but nothing that stays open. */
const mostMoreHandles = 4;
const mostMoreMb = 150;

const nobodyLeaks = async (
  world: FaultWorld,
  before: ReadonlyMap<WorkerProcess, Footprint>,
): Promise<Survival['processes']> => {
  const pairs: (readonly [Footprint, Footprint])[] = [];
  for (const process of processesOf(world)) {
    expect(process.output()).not.toMatch(/unhandled|"level":60/);
    const earlier = before.get(process);
    if (earlier === undefined) continue; // it was started by the fault
    const after = await eventually(() => {
      const now = footprintOf(process);
      expect(now.handles).toBeLessThanOrEqual(earlier.handles + mostMoreHandles);
      expect(now.residentMb).toBeLessThanOrEqual(earlier.residentMb + mostMoreMb);
      return now;
    });
    pairs.push([earlier, after]);
  }
  return pairs;
};
