import { accept, type Decision, type DomainEvent, refuse } from '../shared/decider.ts';
import { available, type StockState } from './stock.ts';

export interface Pieces {
  readonly sku: string;
  readonly quantity: number;
}
/** `counted`: the SKU had a count when they were reserved. Only such pieces ever move a count. */
export interface ReservedPieces extends Pieces {
  readonly counted: boolean;
}
export interface Shortage {
  readonly sku: string;
  /** How many pieces were missing. */
  readonly missing: number;
}

type Nothing = Record<never, never>;

export type StockReserved = DomainEvent<'StockReserved', { readonly pieces: readonly ReservedPieces[] }>;
export type StockRejected = DomainEvent<'StockRejected', { readonly shortages: readonly Shortage[] }>;
export type StockReleased = DomainEvent<'StockReleased', Nothing>;
export type StockShipped = DomainEvent<'StockShipped', Nothing>;
/** The order was over before its goods were asked for. */
export type OrderEnded = DomainEvent<'OrderEnded', Nothing>;

export type ReservationEvent = StockReserved | StockRejected | StockReleased | StockShipped | OrderEnded;

/** What becomes of a SKU that was never counted: it is there whenever it is wanted, or never. */
export type UnknownStock = 'accept' | 'reject';

/** An order was placed. */
export interface ReserveStock {
  readonly type: 'ReserveStock';
  readonly at: string;
  /** The same SKU may stand on several lines. */
  readonly lines: readonly Pieces[];
  /** How things stand with each SKU of the lines. */
  readonly stock: ReadonlyMap<string, StockState>;
  readonly unknownStock: UnknownStock;
}
/** The order was cancelled, or its goods have left. */
export interface ReleaseOrShip {
  readonly type: 'ReleaseStock' | 'ShipStock';
  readonly at: string;
}

export type ReservationCommand = ReserveStock | ReleaseOrShip;

/** `ended`: the order was cancelled or shipped, and nothing was ever reserved for it. */
export interface Reservation {
  readonly status: 'reserved' | 'rejected' | 'released' | 'shipped' | 'ended';
  readonly pieces: readonly ReservedPieces[];
}

/** `null`: the order is not known yet. */
export type ReservationState = Reservation | null;

export const evolveReservation = (state: ReservationState, event: ReservationEvent): ReservationState => {
  const pieces = state?.pieces ?? [];
  switch (event.type) {
    case 'StockReserved':
      return { status: 'reserved', pieces: event.data.pieces };
    case 'StockRejected':
      return { status: 'rejected', pieces };
    case 'StockReleased':
      return { status: 'released', pieces };
    case 'StockShipped':
      return { status: 'shipped', pieces };
    case 'OrderEnded':
      return { status: 'ended', pieces };
    default:
      return event satisfies never;
  }
};

type ReservationDecision = Decision<ReservationEvent>;

/** Goods are asked for once per order and given back or taken once; whatever comes again, or too late, does nothing. */
export const decideReservation = (
  command: ReservationCommand,
  reservation: ReservationState,
): ReservationDecision => {
  if (command.type === 'ReserveStock') return reservation === null ? reserve(command) : accept();
  const { at } = command;
  if (reservation === null) return accept<ReservationEvent>({ type: 'OrderEnded', at, data: {} });
  if (reservation.status !== 'reserved') return accept();
  const type = command.type === 'ReleaseStock' ? 'StockReleased' : 'StockShipped';
  return accept<ReservationEvent>({ type, at, data: {} });
};

/** All lines of an order, or none. */
const reserve = ({ at, lines, stock, unknownStock }: ReserveStock): ReservationDecision => {
  const wanted = addUp(lines);
  if (wanted === undefined) {
    return refuse({
      code: 'invalid_request',
      detail: 'The order has more pieces than can be counted exactly.',
    });
  }
  const shortages: Shortage[] = [];
  const pieces: ReservedPieces[] = [];
  for (const { sku, quantity } of wanted) {
    const count = stock.get(sku) ?? null;
    const there = count === null ? presumed(unknownStock) : available(count);
    if (quantity > there) shortages.push({ sku, missing: quantity - there });
    pieces.push({ sku, quantity, counted: count !== null });
  }
  return shortages.length > 0
    ? accept<ReservationEvent>({ type: 'StockRejected', at, data: { shortages } })
    : accept<ReservationEvent>({ type: 'StockReserved', at, data: { pieces } });
};

const presumed = (unknownStock: UnknownStock): number =>
  unknownStock === 'accept' ? Number.POSITIVE_INFINITY : 0;

/** Each SKU once, in the order of the lines; undefined when a sum is no safe integer. */
const addUp = (lines: readonly Pieces[]): readonly Pieces[] | undefined => {
  const sums = new Map<string, number>();
  for (const { sku, quantity } of lines) {
    const sum = (sums.get(sku) ?? 0) + quantity;
    if (!Number.isSafeInteger(sum)) return undefined;
    sums.set(sku, sum);
  }
  return [...sums].map(([sku, quantity]) => ({ sku, quantity }));
};
