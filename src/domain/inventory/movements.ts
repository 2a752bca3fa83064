import type { ReservationEvent, ReservationState } from './reservation.ts';
import type { MovePieces } from './stock.ts';

export interface StockMovement {
  readonly sku: string;
  readonly command: MovePieces;
}

/** What each reservation event asks of the counts. */
const moves: Readonly<Record<ReservationEvent['type'], MovePieces['type'] | null>> = {
  StockReserved: 'ReservePieces',
  StockRejected: null,
  StockReleased: 'ReleasePieces',
  StockShipped: 'ShipPieces',
  OrderEnded: null,
};

/**
 * What a reservation's event does to the counts, in the same transaction. Pieces of a SKU that was counted only later
 * were never taken from its count, so they are not given back to it either.
 */
export const movementsOf = (
  orderId: string,
  { type: happened, at }: ReservationEvent,
  after: ReservationState,
): readonly StockMovement[] => {
  const type = moves[happened];
  if (type === null || after === null) return [];
  return after.pieces
    .filter(({ counted }) => counted)
    .map(({ sku, quantity }) => ({ sku, command: { type, at, orderId, quantity } }));
};
