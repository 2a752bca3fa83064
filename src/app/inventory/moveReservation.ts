import { movementsOf } from '../../domain/inventory/movements.ts';
import type { ReservationCommand } from '../../domain/inventory/reservation.ts';
import type { Session } from '../commands/work.ts';
import { PermanentFailure } from '../messaging/consume/incomingMessage.ts';
import { reservationModel, stockModel } from './inventoryModels.ts';

/** Moves an order's reservation, and with it every count that it touches: one transaction over all these streams. */
export const moveReservation = (session: Session, orderId: string, command: ReservationCommand): void => {
  const decision = session.execute(reservationModel, orderId, command);
  if (!decision.ok) throw new PermanentFailure(decision.error.detail);
  const { state } = session.load(reservationModel, orderId);
  for (const event of decision.events) {
    for (const movement of movementsOf(orderId, event, state)) {
      const moved = session.execute(stockModel, movement.sku, movement.command);
      // Reservations ask for what is there only. Should one not, nothing of it is written.
      if (!moved.ok) throw new PermanentFailure(`${movement.sku}: ${moved.error.detail}`);
    }
  }
};
