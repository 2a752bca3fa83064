import type { Pieces, ReservationCommand, UnknownStock } from '../../domain/inventory/reservation.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Session } from '../commands/work.ts';
import { type IncomingMessage, isShort } from '../messaging/consume/incomingMessage.ts';
import { listIn, memberOf, textIn } from '../messaging/consume/messageData.ts';
import type { MessageHandler } from '../messaging/consume/messageHandler.ts';
import { reservationModel, reservationStream, stockModel, stockStream } from './inventoryModels.ts';
import { moveReservation } from './moveReservation.ts';

export interface InventoryConsumerParts {
  readonly queue: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly unknownStock: UnknownStock;
}

const placed = 'orderflow.order.placed.v1';
/** What ends a reservation, and how. */
const ends: Readonly<Record<string, 'ReleaseStock' | 'ShipStock'>> = {
  'orderflow.order.cancelled.v1': 'ReleaseStock',
  'orderflow.order.shipped.v1': 'ShipStock',
};

/**
 * Goods follow their order: reserved when it is placed, all of them or none, given back when it is cancelled, gone
 * when it is shipped. Whatever else happens to it moves no goods.
 */
export const inventoryConsumer = ({
  queue,
  clock,
  unknownStock,
}: InventoryConsumerParts): MessageHandler => ({
  consumer: 'inventory',
  queue,
  streams: (message) => {
    const orderId = orderIdOf(message);
    if (orderId === null) return [];
    const counts = message.type === placed ? linesOf(message).map(({ sku }) => stockStream(sku)) : [];
    return [reservationStream(orderId), ...counts];
  },
  // A message that ends an order does not tell its lines; the reservation knows them.
  furtherStreams: (session, message) => {
    const orderId = orderIdOf(message);
    const reservation = orderId === null ? null : session.load(reservationModel, orderId).state;
    return reservation?.pieces.map(({ sku }) => stockStream(sku)) ?? [];
  },
  handle: (session, message) => {
    const orderId = orderIdOf(message);
    if (orderId === null) return;
    const at = new Date(clock.now()).toISOString();
    moveReservation(session, orderId, commandFor(session, message, at, unknownStock));
  },
});

/** Null for a message that moves no goods. */
const orderIdOf = (message: IncomingMessage): string | null => {
  if (message.type === placed) return textIn(message, 'id');
  return Object.hasOwn(ends, message.type) ? textIn(message, 'orderId') : null;
};

const commandFor = (
  session: Session,
  message: IncomingMessage,
  at: string,
  unknownStock: UnknownStock,
): ReservationCommand => {
  const type = ends[message.type];
  if (type !== undefined) return { type, at };
  const lines = linesOf(message);
  const stock = new Map(lines.map(({ sku }) => [sku, session.load(stockModel, sku).state]));
  return { type: 'ReserveStock', at, lines, stock, unknownStock };
};

/** As much as a SKU of 64 characters can take up, outside of the basic plane too. */
const maxSkuLength = 128;

const linesOf = (message: IncomingMessage): readonly Pieces[] =>
  listIn(message, 'lines', (item) => {
    const sku = memberOf(item, 'sku');
    const quantity = memberOf(item, 'quantity');
    return isShort(sku, maxSkuLength) && Number.isSafeInteger(quantity) && Number(quantity) > 0
      ? { sku, quantity: Number(quantity) }
      : undefined;
  });
