import type { Publication } from '../../src/ports/broker.ts';

/** What an inventory service says of an order's reservation, as the message contract has it. */
export const stockMessage = (
  orderId: string,
  sequence: number,
  what: 'reserved' | 'rejected' | 'released',
  more: object = {},
): Publication => {
  const id = `${orderId}-stock-${sequence}`;
  const type = `orderflow.inventory.stock-${what}.v1`;
  const shortages = what === 'rejected' ? { shortages: [{ sku: 'tea-100', missing: 2 }] } : {};
  return {
    id,
    type,
    contentType: 'application/cloudevents+json',
    payload: JSON.stringify({
      specversion: '1.0',
      id,
      type,
      source: `/orderflow/reservations/${orderId}`,
      subject: orderId,
      time: '2026-11-23T05:00:00.000Z',
      datacontenttype: 'application/json',
      partitionkey: orderId,
      sequence: String(sequence).padStart(10, '0'),
      data: { orderId, ...shortages, ...more },
    }),
    timestamp: Date.parse('2026-11-23T05:00:00.000Z'),
    headers: { tenant: 'default', type },
    exchange: 'events',
    routingKey: `inventory.stock-${what}`,
    mandatory: true,
  };
};
