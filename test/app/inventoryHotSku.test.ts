import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { TransactionConflict } from '../../src/ports/unitOfWork.ts';
import { openInventoryRig } from '../support/inventoryRig.ts';
import { placedMessage } from '../support/orderMessages.ts';

const orders = 1_000;
const pieces = 700;

/** The stores, with every transaction counted, and those that another writer was faster than. */
const counting = (stores: Stores, seen: { transactions: number; conflicts: number }): Stores => ({
  ...stores,
  unitOfWork: {
    close: () => stores.unitOfWork.close(),
    transact: async (work) => {
      seen.transactions += 1;
      try {
        return await stores.unitOfWork.transact(work);
      } catch (error) {
        if (error instanceof TransactionConflict) seen.conflicts += 1;
        throw error;
      }
    },
  },
});

it('a thousand orders for one SKU are decided in groups, by two processes without a storm of conflicts', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'orderflow-hot-'));
  const open = () =>
    openSqliteStores({
      file: join(directory, 'inventory.db'),
      migrate: 'up',
      clock: systemClock,
      logger: silentLogger,
    });
  const seen = { transactions: 0, conflicts: 0 };
  const stores = [await open(), await open()] as const;
  const rig = await openInventoryRig({ stores: [counting(stores[0], seen), counting(stores[1], seen)] });
  try {
    await rig.count('hot', pieces);
    const started = performance.now();
    await rig.tell(
      ...Array.from({ length: orders }, (_, n) => placedMessage(`o-${n}`, { sku: 'hot', quantity: 1 })),
    );
    const seconds = (performance.now() - started) / 1000;
    console.info(
      `hot SKU: ${Math.round(orders / seconds)} orders/s, ${seen.transactions} transactions, ${seen.conflicts} conflicts`,
    );
    expect(await rig.stock('hot')).toEqual({ sku: 'hot', onHand: pieces, reserved: pieces, available: 0 });
    const answers = await Promise.all(Array.from({ length: orders }, (_, n) => rig.reservation(`o-${n}`)));
    expect(answers.filter(([answer]) => answer === 'StockReserved')).toHaveLength(pieces);
    expect(answers.filter(([answer]) => answer === 'StockRejected')).toHaveLength(orders - pieces);
    // One by one these would be a thousand transactions; in groups both processes need a few dozen.
    expect(seen.transactions).toBeLessThan(orders / 5);
    expect(seen.conflicts).toBeLessThan(seen.transactions / 2);
  } finally {
    await rig.close();
    for (const each of stores) await each.close();
    await rm(directory, { recursive: true, force: true });
  }
}, 60_000);
