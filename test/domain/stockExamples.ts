import type {
  OrderEnded,
  Pieces,
  ReleaseOrShip,
  ReservedPieces,
  ReserveStock,
  Shortage,
  StockRejected,
  StockReleased,
  StockReserved,
  StockShipped,
} from '../../src/domain/inventory/reservation.ts';
import { reservationAggregate } from '../../src/domain/inventory/reservationAggregate.ts';
import type {
  MovePieces,
  PiecesReleased,
  PiecesReserved,
  PiecesShipped,
  SetStock,
  StockCounted,
  StockState,
} from '../../src/domain/inventory/stock.ts';
import { stockAggregate } from '../../src/domain/inventory/stockAggregate.ts';

export const stockDecider = stockAggregate.decider;
export const reservationDecider = reservationAggregate.decider;
export const at = '2026-11-23T05:00:00.000Z';

// The count of one SKU.
export const setStock = (onHand: number): SetStock => ({ type: 'SetStock', at, onHand });
const movePieces =
  (type: MovePieces['type']) =>
  (quantity: number, orderId = 'o-1'): MovePieces => ({ type, at, orderId, quantity });
export const reservePieces = movePieces('ReservePieces');
export const releasePieces = movePieces('ReleasePieces');
export const shipPieces = movePieces('ShipPieces');

export const stockCounted = (onHand: number): StockCounted => ({
  type: 'StockCounted',
  at,
  data: { onHand },
});
export const piecesReserved = (quantity: number, orderId = 'o-1'): PiecesReserved => ({
  type: 'PiecesReserved',
  at,
  data: { orderId, quantity },
});
export const piecesReleased = (quantity: number, orderId = 'o-1'): PiecesReleased => ({
  type: 'PiecesReleased',
  at,
  data: { orderId, quantity },
});
export const piecesShipped = (quantity: number, uncounted = 0, orderId = 'o-1'): PiecesShipped => ({
  type: 'PiecesShipped',
  at,
  data: { orderId, quantity, uncounted },
});

// The reservation of one order of two teas and a pot.
export const lines: readonly Pieces[] = [
  { sku: 'tea-100', quantity: 2 },
  { sku: 'pot', quantity: 1 },
];
/** So many pieces that nobody has reserved; null was never counted. */
export const shelf = (counts: Readonly<Record<string, number | null>>): ReadonlyMap<string, StockState> =>
  new Map(
    Object.entries(counts).map(([sku, onHand]) => [sku, onHand === null ? null : { onHand, reserved: 0 }]),
  );
export const reserveStock = (change: Partial<Omit<ReserveStock, 'type'>> = {}): ReserveStock => ({
  type: 'ReserveStock',
  at,
  lines,
  stock: shelf({ 'tea-100': 10, pot: 10 }),
  unknownStock: 'accept',
  ...change,
});
export const releaseStock = (): ReleaseOrShip => ({ type: 'ReleaseStock', at });
export const shipStock = (): ReleaseOrShip => ({ type: 'ShipStock', at });

export const stockReserved = (...pieces: readonly ReservedPieces[]): StockReserved => ({
  type: 'StockReserved',
  at,
  data: { pieces: pieces.length > 0 ? pieces : lines.map((line) => ({ ...line, counted: true })) },
});
export const stockRejected = (...shortages: readonly Shortage[]): StockRejected => ({
  type: 'StockRejected',
  at,
  data: { shortages: shortages.length > 0 ? shortages : [{ sku: 'pot', missing: 1 }] },
});
export const stockReleased = (): StockReleased => ({ type: 'StockReleased', at, data: {} });
export const stockShipped = (): StockShipped => ({ type: 'StockShipped', at, data: {} });
export const orderEnded = (): OrderEnded => ({ type: 'OrderEnded', at, data: {} });
