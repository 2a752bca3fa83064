import type { Pieces } from '../../src/domain/inventory/reservation.ts';

/**
 * A second inventory, deliberately naive: every piece that an order has is written down, and all numbers are counted
 * anew from that. It was written from the contract, without a look at the aggregates, to be compared with them.
 */
export interface NaiveWarehouse {
  readonly strict: boolean;
  readonly onHand: Map<string, number>;
  readonly orders: Map<string, { status: string; readonly held: Map<string, number> }>;
}

export const naiveWarehouse = (strict: boolean): NaiveWarehouse => ({
  strict,
  onHand: new Map(),
  orders: new Map(),
});

const reservedOf = (warehouse: NaiveWarehouse, sku: string): number => {
  let sum = 0;
  for (const { status, held } of warehouse.orders.values()) {
    if (status === 'reserved') sum += held.get(sku) ?? 0;
  }
  return sum;
};

export const naiveCount = (warehouse: NaiveWarehouse, sku: string, onHand: number): void => {
  warehouse.onHand.set(sku, onHand);
};

export const naivePlace = (warehouse: NaiveWarehouse, id: string, lines: readonly Pieces[]): void => {
  if (warehouse.orders.has(id)) return;
  const held = new Map<string, number>();
  const wanted = new Map<string, number>();
  for (const { sku, quantity } of lines) wanted.set(sku, (wanted.get(sku) ?? 0) + quantity);
  let enough = true;
  for (const [sku, quantity] of wanted) {
    const there = warehouse.onHand.get(sku);
    if (there === undefined) enough &&= !warehouse.strict;
    else {
      held.set(sku, quantity);
      enough &&= reservedOf(warehouse, sku) + quantity <= there;
    }
  }
  warehouse.orders.set(id, { status: enough ? 'reserved' : 'rejected', held });
};

export const naiveCancel = (warehouse: NaiveWarehouse, id: string): void => {
  const order = warehouse.orders.get(id);
  if (order === undefined) warehouse.orders.set(id, { status: 'ended', held: new Map() });
  else if (order.status === 'reserved') order.status = 'released';
};

export const naiveShip = (warehouse: NaiveWarehouse, id: string): void => {
  const order = warehouse.orders.get(id);
  if (order === undefined) warehouse.orders.set(id, { status: 'ended', held: new Map() });
  if (order?.status !== 'reserved') return;
  order.status = 'shipped';
  for (const [sku, quantity] of order.held) {
    warehouse.onHand.set(sku, Math.max(0, (warehouse.onHand.get(sku) ?? 0) - quantity));
  }
};

export const naiveStock = (warehouse: NaiveWarehouse, sku: string) => {
  const onHand = warehouse.onHand.get(sku);
  if (onHand === undefined) return null;
  const reserved = reservedOf(warehouse, sku);
  return { sku, onHand, reserved, available: Math.max(0, onHand - reserved) };
};
