import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryState } from '../../src/adapters/memory/memoryState.ts';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { stockModel } from '../../src/app/inventory/inventoryModels.ts';
import { fold } from '../../src/domain/shared/decider.ts';
import type { Publication } from '../../src/ports/broker.ts';
import { type InventoryRig, openInventoryRig } from '../support/inventoryRig.ts';
import { orderMessage, placedMessage } from '../support/orderMessages.ts';
import { propertyOptions } from '../support/properties.ts';
import { turns } from '../support/virtualClock.ts';

const skus = ['tea-100', 'pot', 'leaflet'];
/** Counted late, when orders for it are at work already. */
const lateSku = 'leaflet';

const life = fc.record({
  lines: fc.array(fc.record({ sku: fc.constantFrom(...skus), quantity: fc.integer({ min: 1, max: 4 }) }), {
    minLength: 1,
    maxLength: 3,
  }),
  /** What happens after it was placed. */
  later: fc.array(fc.constantFrom('confirmed' as const, 'shipped' as const, 'cancelled' as const), {
    maxLength: 3,
  }),
});

const world = fc.record({
  lives: fc.array(life, { minLength: 4, maxLength: 20 }),
  counts: fc.array(fc.integer({ min: 0, max: 15 }), { minLength: 3, maxLength: 3 }),
  processes: fc.integer({ min: 1, max: 3 }),
  /** Drives order and repetition of deliveries, and who of the processes is faster. */
  chance: fc.infiniteStream(fc.nat({ max: 1_000 })),
});

const { upcast, decider } = stockModel.aggregate;

/** Reads a count's whole history: never below zero at any time, and never more reserved by an order than was there. */
const expectSoundHistory = async (rig: InventoryRig, sku: string): Promise<void> => {
  let state = decider.initial;
  for (const event of (await rig.eventsOf(`stock/${sku}`)).map(upcast)) {
    state = fold(decider, [event], state);
    expect(state?.onHand).toBeGreaterThanOrEqual(0);
    expect(state?.reserved).toBeGreaterThanOrEqual(0);
    if (event.type === 'PiecesReserved') expect(state?.reserved).toBeLessThanOrEqual(state?.onHand ?? 0);
  }
};

/** How many pieces of a SKU each order's reservation holds, as its events say. */
const heldBy = async (rig: InventoryRig, orderId: string, sku: string): Promise<number> => {
  const [first, ...later] = await rig.eventsOf(`reservations/${orderId}`);
  if (first?.type !== 'StockReserved' || later.length > 0) return 0;
  const { pieces } = first.data as { pieces: { sku: string; quantity: number; counted: boolean }[] };
  return pieces
    .filter((piece) => piece.sku === sku && piece.counted)
    .reduce((sum, one) => sum + one.quantity, 0);
};

describe('several processes of the inventory', () => {
  it('never oversell and lose no piece, whatever is redelivered and in whatever order it comes', async () => {
    const seen = { rejected: 0, released: 0, shipped: 0 };
    const property = fc.asyncProperty(world, async ({ lives, counts, processes, chance }) => {
      const state = createMemoryState();
      const next = (): number => chance.next().value ?? 0;
      const open = () => openMemoryStores({ state, pause: () => turns(next() % 3) });
      const others = Array.from({ length: processes - 1 }, open);
      const rig = await openInventoryRig({ stores: [open(), ...others], maxBatch: 8 });
      try {
        for (const [index, sku] of skus.entries()) {
          if (sku !== lateSku) await rig.count(sku, counts[index] ?? 0);
        }
        const messages = lives.flatMap(({ lines, later }, n): Publication[] => [
          placedMessage(`o-${n}`, ...lines),
          ...later.map((what, index) => orderMessage(`o-${n}`, index + 2, what)),
        ]);
        const told = [...messages, ...messages.filter(() => next() % 3 === 0)]
          .map((message) => ({ message, key: next() }))
          .sort((one, other) => one.key - other.key)
          .map(({ message }) => message);
        const half = Math.floor(told.length / 2);
        await Promise.all([rig.tell(...told.slice(0, half)), rig.count(lateSku, counts[2] ?? 0)]);
        await rig.tell(...told.slice(half));
        await rig.quiet();

        const ids = lives.map((_, n) => `o-${n}`);
        for (const sku of skus) {
          await expectSoundHistory(rig, sku);
          const held = await Promise.all(ids.map((id) => heldBy(rig, id, sku)));
          expect((await rig.stock(sku))?.reserved).toBe(held.reduce((sum, one) => sum + one, 0));
        }
        for (const [n, id] of ids.entries()) {
          const ends = await rig.reservation(id);
          const [answer, end] = ends;
          const over = lives[n]?.later.find((what) => what !== 'confirmed');
          if (answer === 'StockRejected') seen.rejected += 1;
          if (end === 'StockReleased') seen.released += 1;
          if (end === 'StockShipped') seen.shipped += 1;
          const wanted = over && (over === 'shipped' ? 'StockShipped' : 'StockReleased');
          expect([answer === 'StockRejected' ? undefined : wanted, ends.length]).toEqual([end, end ? 2 : 1]);
        }
        expect(rig.logger.entries.filter(({ level }) => level === 'error')).toEqual([]);
      } finally {
        await rig.close();
      }
    });
    await fc.assert(property, { ...propertyOptions({ numRuns: 40 }), endOnFailure: true });
    expect(Math.min(seen.rejected, seen.released, seen.shipped)).toBeGreaterThan(0);
  }, 60_000);
});
