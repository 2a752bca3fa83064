import type {
  ReservationCommand,
  ReservationEvent,
  ReservationState,
} from '../../domain/inventory/reservation.ts';
import { reservationAggregate } from '../../domain/inventory/reservationAggregate.ts';
import type { Stock, StockCommand, StockEvent, StockState } from '../../domain/inventory/stock.ts';
import { stockAggregate } from '../../domain/inventory/stockAggregate.ts';
import type { WriteModel } from '../commands/work.ts';

/** A SKU that sells well has a stream without end, and every order reads it. */
export const stockModel: WriteModel<StockCommand, StockEvent, StockState> = {
  aggregate: stockAggregate,
  snapshots: {
    every: 100,
    schema: 1,
    encode: (stock) => {
      if (stock === null) throw new Error('a stream with events has a count');
      return stock;
    },
    // Written by `encode` under this very schema.
    decode: (encoded) => encoded as Stock,
  },
};

export const reservationModel: WriteModel<ReservationCommand, ReservationEvent, ReservationState> = {
  aggregate: reservationAggregate,
};

export const stockStream = (sku: string): string => `${stockAggregate.category}/${sku}`;

export const reservationStream = (orderId: string): string => `${reservationAggregate.category}/${orderId}`;
