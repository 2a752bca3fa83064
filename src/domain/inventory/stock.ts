import { accept, type Decision, type DomainEvent, refuse } from '../shared/decider.ts';

/** The most pieces that can be counted of one SKU; every sum with it stays exact. */
export const maxOnHand = 1_000_000_000_000;

interface Movement {
  readonly orderId: string;
  readonly quantity: number;
}

export type StockCounted = DomainEvent<'StockCounted', { readonly onHand: number }>;
export type PiecesReserved = DomainEvent<'PiecesReserved', Movement>;
export type PiecesReleased = DomainEvent<'PiecesReleased', Movement>;
/** `uncounted` of the pieces left the shelf although the count knew nothing of them. */
export type PiecesShipped = DomainEvent<'PiecesShipped', Movement & { readonly uncounted: number }>;

export type StockEvent = StockCounted | PiecesReserved | PiecesReleased | PiecesShipped;

/** Somebody has counted what is there, reserved pieces included. */
export interface SetStock {
  readonly type: 'SetStock';
  readonly at: string;
  readonly onHand: number;
}
/** For an order, and decided with its reservation: see `movementsOf`. */
export interface MovePieces extends Movement {
  readonly type: 'ReservePieces' | 'ReleasePieces' | 'ShipPieces';
  readonly at: string;
}

export type StockCommand = SetStock | MovePieces;

/**
 * The pieces of one SKU. What is reserved is still on hand. A count is a fact, so one below what is reserved is taken
 * as it is: nothing is available then, until more is there than is reserved.
 */
export interface Stock {
  readonly onHand: number;
  readonly reserved: number;
}

/** `null`: never counted. */
export type StockState = Stock | null;

export const available = ({ onHand, reserved }: Stock): number => Math.max(0, onHand - reserved);

export const stockDocument = (sku: string, stock: Stock) => ({ sku, ...stock, available: available(stock) });

export type StockDocument = ReturnType<typeof stockDocument>;

const nothing: Stock = { onHand: 0, reserved: 0 };

export const evolveStock = (state: StockState, event: StockEvent): StockState => {
  const { onHand, reserved } = state ?? nothing;
  switch (event.type) {
    case 'StockCounted':
      return { onHand: event.data.onHand, reserved };
    case 'PiecesReserved':
      return { onHand, reserved: reserved + event.data.quantity };
    case 'PiecesReleased':
      return { onHand, reserved: reserved - event.data.quantity };
    case 'PiecesShipped': {
      const { quantity, uncounted } = event.data;
      return { onHand: onHand - (quantity - uncounted), reserved: reserved - quantity };
    }
    default:
      return event satisfies never;
  }
};

type StockDecision = Decision<StockEvent>;

export const decideStock = (command: StockCommand, state: StockState): StockDecision => {
  if (command.type === 'SetStock') return setStock(command, state);
  const stock = state ?? nothing;
  const { type, at, orderId, quantity } = command;
  const moved = { orderId, quantity };
  switch (type) {
    case 'ReservePieces':
      return quantity <= available(stock)
        ? accept({ type: 'PiecesReserved', at, data: moved })
        : tooFew(`${available(stock)} are available`, quantity);
    case 'ReleasePieces':
      return quantity <= stock.reserved
        ? accept({ type: 'PiecesReleased', at, data: moved })
        : tooFew(`${stock.reserved} are reserved`, quantity);
    case 'ShipPieces': {
      if (quantity > stock.reserved) return tooFew(`${stock.reserved} are reserved`, quantity);
      const uncounted = Math.max(0, quantity - stock.onHand);
      return accept({ type: 'PiecesShipped', at, data: { ...moved, uncounted } });
    }
    default:
      return type satisfies never;
  }
};

const setStock = ({ at, onHand }: SetStock, state: StockState): StockDecision => {
  if (!Number.isInteger(onHand) || onHand < 0 || onHand > maxOnHand) {
    const detail = `onHand must be a whole number from 0 to ${maxOnHand}.`;
    return refuse({ code: 'invalid_request', detail, pointer: '#/onHand' });
  }
  return state?.onHand === onHand ? accept() : accept({ type: 'StockCounted', at, data: { onHand } });
};

const tooFew = (there: string, quantity: number): StockDecision =>
  refuse({ code: 'insufficient_stock', detail: `${quantity} pieces were asked for, and ${there}.` });
