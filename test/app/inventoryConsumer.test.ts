import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { type InventoryRig, openInventoryRig } from '../support/inventoryRig.ts';
import { orderMessage, placedMessage } from '../support/orderMessages.ts';

const tea = (quantity: number) => ({ sku: 'tea-100', quantity });
const pot = (quantity: number) => ({ sku: 'pot', quantity });
const stock = (sku: string, onHand: number, reserved: number) => ({
  sku,
  onHand,
  reserved,
  available: Math.max(0, onHand - reserved),
});

describe('the inventory', () => {
  let rig: InventoryRig;
  beforeEach(async () => {
    rig = await openInventoryRig({ stores: [openMemoryStores()] });
  });
  afterEach(() => rig.close());

  it('reserves all lines of a placed order, and says so once under the order’s name', async () => {
    await rig.count('tea-100', 10);
    await rig.count('pot', 1);
    const placed = placedMessage('o-1', tea(2), pot(1), tea(1));
    await rig.tell(placed, placed, orderMessage('o-1', 2, 'confirmed'));
    expect(await rig.stock('tea-100')).toEqual(stock('tea-100', 10, 3));
    expect(await rig.stock('pot')).toEqual(stock('pot', 1, 1));
    expect(await rig.reservation('o-1')).toEqual(['StockReserved']);
  });

  it('reserves nothing where one line is short', async () => {
    await rig.count('tea-100', 10);
    await rig.count('pot', 1);
    await rig.tell(placedMessage('o-1', tea(2), pot(2)));
    expect(await rig.reservation('o-1')).toEqual(['StockRejected']);
    expect(await rig.stock('tea-100')).toEqual(stock('tea-100', 10, 0));
    expect(await rig.eventsOf('stock/tea-100')).toHaveLength(1);
  });

  it('gives the pieces of a cancelled order back', async () => {
    await rig.count('tea-100', 2);
    await rig.tell(placedMessage('o-1', tea(2)));
    await rig.tell(placedMessage('o-2', tea(1)));
    await rig.tell(orderMessage('o-1', 2, 'cancelled'), orderMessage('o-2', 2, 'cancelled'));
    expect(await rig.stock('tea-100')).toEqual(stock('tea-100', 2, 0));
    expect(await rig.reservation('o-1')).toEqual(['StockReserved', 'StockReleased']);
    expect(await rig.reservation('o-2')).toEqual(['StockRejected']);
  });

  it('takes the pieces of a shipped order off the shelf, and no cancellation brings them back', async () => {
    await rig.count('tea-100', 5);
    await rig.tell(placedMessage('o-1', tea(2)));
    await rig.tell(orderMessage('o-1', 2, 'shipped'));
    await rig.tell(orderMessage('o-1', 3, 'cancelled'));
    expect(await rig.stock('tea-100')).toEqual(stock('tea-100', 3, 0));
    expect(await rig.reservation('o-1')).toEqual(['StockReserved', 'StockShipped']);
  });

  it('keeps up with a whole life that arrives at once, and the wrong way round', async () => {
    await rig.count('tea-100', 5);
    const life = [placedMessage('o-1', tea(2)), orderMessage('o-1', 2, 'confirmed')];
    await rig.tell(orderMessage('o-1', 3, 'shipped'), ...life.toReversed());
    await rig.tell(orderMessage('o-2', 2, 'cancelled'), placedMessage('o-2', tea(3)));
    await rig.quiet();
    expect(await rig.stock('tea-100')).toEqual(stock('tea-100', 3, 0));
    expect(await rig.reservation('o-1')).toEqual(['StockReserved', 'StockShipped']);
    expect(rig.logger.entries.filter(({ level }) => level !== 'debug')).toEqual([]);
  });

  it('an order that was over before it was seen gets nothing', async () => {
    await rig.count('tea-100', 5);
    await rig.tell(orderMessage('o-1', 1, 'cancelled'));
    await rig.tell({ ...placedMessage('o-1', tea(2)), id: 'late', payload: outsideSequence('o-1') });
    expect(await rig.reservation('o-1')).toEqual(['OrderEnded']);
    expect(await rig.stock('tea-100')).toEqual(stock('tea-100', 5, 0));
  });

  it('what was ordered before a SKU had a count never moves that count', async () => {
    await rig.tell(placedMessage('o-1', tea(2)), placedMessage('o-2', tea(3)), placedMessage('o-3', tea(1)));
    expect(await rig.stock('tea-100')).toBeUndefined();
    await rig.count('tea-100', 1);
    await rig.tell(orderMessage('o-1', 2, 'cancelled'), orderMessage('o-2', 2, 'shipped'));
    expect(await rig.stock('tea-100')).toEqual(stock('tea-100', 1, 0));
    expect(await rig.reservation('o-1')).toEqual(['StockReserved', 'StockReleased']);
  });

  it.each([
    ['without lines', orderMessage('o-1', 1, 'placed')],
    ['with no pieces of a line', placedMessage('o-1', tea(0))],
    ['with half a piece', placedMessage('o-1', tea(0.5))],
    ['with a SKU beyond every measure', placedMessage('o-1', { sku: 'x'.repeat(129), quantity: 1 })],
    ['with more pieces than can be counted', placedMessage('o-1', tea(2 ** 53 - 1), tea(1))],
  ])('an order %s is set aside, and others go on', async (_what, bad) => {
    await rig.count('tea-100', 5);
    await rig.tell(bad, placedMessage('o-2', tea(2)));
    expect(await rig.reservation('o-1')).toEqual([]);
    expect(await rig.reservation('o-2')).toEqual(['StockReserved']);
    expect(rig.logger.entries.filter(({ level }) => level === 'error')).toHaveLength(1);
  });
});

describe('a strict shop', () => {
  it('rejects orders for a SKU that was never counted', async () => {
    const rig = await openInventoryRig({ stores: [openMemoryStores()], unknownStock: 'reject' });
    await rig.count('tea-100', 5);
    await rig.tell(placedMessage('o-1', tea(1), pot(2)), placedMessage('o-2', tea(1)));
    const [rejected] = await rig.eventsOf('reservations/o-1');
    expect(rejected?.data).toEqual({ shortages: [{ sku: 'pot', missing: 2 }] });
    expect(await rig.reservation('o-2')).toEqual(['StockReserved']);
    await rig.close();
  });
});

/** A second sighting of an order's first message, outside of its sequence. */
const outsideSequence = (orderId: string): string => {
  const { sequence: _, ...envelope } = JSON.parse(placedMessage(orderId, tea(2)).payload) as {
    sequence: string;
  };
  return JSON.stringify({ ...envelope, id: 'late' });
};
