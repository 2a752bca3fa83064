import { expect } from 'vitest';
import { readState } from '../../src/app/commands/readState.ts';
import { reservationModel, stockModel } from '../../src/app/inventory/inventoryModels.ts';
import { pointsModel } from '../../src/app/loyalty/loyaltyModels.ts';
import { notificationModel } from '../../src/app/notifications/notificationModel.ts';
import { type Order, paymentStatus } from '../../src/domain/orders/order.ts';
import type { Stores } from '../../src/ports/stores.ts';

/** What must be true of a shop in which nothing is left on its way, whatever has happened before. */

const tenant = 'default';

type Books = Pick<Stores, 'events' | 'snapshots'>;

/** What an order's customer has paid for its goods and not got back. */
const kept = ({ total, captured, refunded }: Order): number =>
  Math.max(0, total - Math.max(0, refunded - Math.max(0, captured - total)));

/** It is paid, reserved and goes on, or it is cancelled, and has given back its goods and its money. */
export const expectOrderIsWell = (found: Order): void => {
  expect(found.status).not.toBe('pending');
  expect(found.refunded).toBeLessThanOrEqual(found.captured);
  expect(paymentStatus(found)).not.toBe('refund_pending');
  if (found.captured > 0 && found.status === 'cancelled') expect(found.refunded).toBe(found.captured);
  if (found.status === 'cancelled') expect(['rejected', 'released']).toContain(found.stock);
  else expect([found.stock, found.captured >= found.total]).toEqual(['reserved', true]);
};

/** Every piece that a count has lost, or holds back, is in the reservation of one order. */
export const expectStockIsConserved = async (
  inventory: Books,
  skus: readonly string[],
  placed: readonly string[],
): Promise<void> => {
  const pieces = new Map<string, number>();
  for (const id of placed) {
    const { state } = await readState(reservationModel, inventory, tenant, id);
    for (const { sku, quantity, counted } of state?.pieces ?? []) {
      const key = `${sku} ${state?.status}`;
      if (counted) pieces.set(key, (pieces.get(key) ?? 0) + quantity);
    }
  }
  for (const sku of skus) {
    const { state } = await readState(stockModel, inventory, tenant, sku);
    const piecesIn = (status: string): number => pieces.get(`${sku} ${status}`) ?? 0;
    const events = await inventory.events.readStream({ tenant, stream: `stock/${sku}` });
    const moved = (type: string): number =>
      events
        .filter((event) => event.type === type)
        .reduce((sum, { data }) => sum + (data as { quantity: number }).quantity, 0);
    expect(state?.reserved ?? 0).toBe(piecesIn('reserved'));
    expect(moved('PiecesShipped')).toBe(piecesIn('shipped'));
    expect(moved('PiecesReserved')).toBe(piecesIn('reserved') + piecesIn('shipped') + piecesIn('released'));
    expect(Math.min(state?.onHand ?? 0, state?.reserved ?? 0)).toBeGreaterThanOrEqual(0);
  }
};

/** A point for every whole unit that was paid for goods which arrived, and not paid back. */
export const pointsDueTo = (customer: string, orders: readonly Order[]): number =>
  orders
    .filter(({ customerId, status }) => customerId === customer && status === 'delivered')
    .reduce((sum, found) => sum + Math.floor(kept(found) / 100), 0);

export const expectPointsAreRight = async (
  loyalty: Books,
  customers: readonly string[],
  orders: readonly Order[],
): Promise<void> => {
  for (const customer of customers) {
    const { state } = await readState(pointsModel, loyalty, tenant, customer);
    expect(state.balance, customer).toBe(pointsDueTo(customer, orders));
  }
};

/** Whoever got a message twice got it with the same key. `keys` are those of what was sent about the order. */
export const expectCustomerWasToldOnce = async (
  notifications: Books,
  id: string,
  found: Order,
  keys: ReadonlySet<string>,
): Promise<void> => {
  const { state } = await readState(notificationModel, notifications, tenant, id);
  const told = [...state.byId.values()];
  expect(told.map(({ status }) => status)).toEqual(told.map(() => 'sent'));
  expect([...keys].sort()).toEqual(told.map((one) => one.id).sort());
  const countOf = (template: string): number => told.filter((one) => one.template === template).length;
  expect(countOf('order-cancelled')).toBe(found.status === 'cancelled' ? 1 : 0);
  expect(countOf('order-shipped')).toBe(['shipped', 'delivered'].includes(found.status) ? 1 : 0);
  expect(countOf('order-confirmed')).toBeLessThanOrEqual(1);
  const completed = [...found.refunds.values()].filter(({ status }) => status === 'completed');
  expect(countOf('order-refunded')).toBe(completed.length);
};
