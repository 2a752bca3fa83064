import type { Pieces } from '../../src/domain/inventory/reservation.ts';
import type { Publication } from '../../src/ports/broker.ts';

/** A public message of an order, as the message contract has it. */
export const orderMessage = (
  orderId: string,
  sequence: number,
  what: 'placed' | 'cancelled' | 'shipped' | 'confirmed',
  data: object = {},
): Publication => {
  const id = `${orderId}#${sequence}`;
  const type = `orderflow.order.${what}.v1`;
  const about = what === 'placed' ? { id: orderId } : { orderId };
  return {
    id,
    type,
    contentType: 'application/cloudevents+json',
    payload: JSON.stringify({
      specversion: '1.0',
      id,
      type,
      source: `/orderflow/orders/${orderId}`,
      subject: orderId,
      time: '2026-11-23T05:00:00.000Z',
      sequence: String(sequence).padStart(10, '0'),
      data: { ...about, version: sequence, ...data },
    }),
    timestamp: Date.parse('2026-11-23T05:00:00.000Z'),
    headers: { tenant: 'default', type },
    exchange: 'events',
    routingKey: `order.${what}`,
    mandatory: true,
  };
};

export const placedMessage = (orderId: string, ...lines: readonly Pieces[]): Publication =>
  orderMessage(orderId, 1, 'placed', { lines });
