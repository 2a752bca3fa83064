import type { Aggregate } from '../shared/aggregate.ts';
import { eventShapes } from '../shared/eventShapes.ts';
import {
  decideReservation,
  evolveReservation,
  type ReservationCommand,
  type ReservationEvent,
  type ReservationState,
} from './reservation.ts';

/** The public name of every event that has one; also its routing key. */
const names: Readonly<Record<ReservationEvent['type'], string | null>> = {
  StockReserved: 'inventory.stock-reserved',
  StockRejected: 'inventory.stock-rejected',
  StockReleased: 'inventory.stock-released',
  StockShipped: null,
  OrderEnded: null,
};

/** What is reserved for an order: streams `reservations/<order id>`. */
export const reservationAggregate: Aggregate<ReservationCommand, ReservationEvent, ReservationState> = {
  category: 'reservations',
  decider: { initial: null, decide: decideReservation, evolve: evolveReservation },
  ...eventShapes<ReservationEvent>({
    StockReserved: 1,
    StockRejected: 1,
    StockReleased: 1,
    StockShipped: 1,
    OrderEnded: 1,
  }),
  isPublic: (type) => names[type] !== null,
  toPublic: (event, after, orderId) => {
    const name = names[event.type];
    if (name === null) throw new Error(`${event.type} is not public`);
    if (event.type === 'StockRejected') {
      return { name, data: { orderId, shortages: event.data.shortages } };
    }
    const lines = after?.pieces.map(({ sku, quantity }) => ({ sku, quantity }));
    return { name, data: { orderId, lines } };
  },
};
