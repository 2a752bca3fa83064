import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { encodeEnvelope } from '../../src/app/messaging/envelope.ts';
import type { OutboxMessage } from '../../src/ports/outbox.ts';
import { orderBody } from './orderBodies.ts';

const perOrder = 4;
const names = ['order.placed', 'order.stock-reserved', 'order.payment-captured', 'order.confirmed'];

/** In the order in which many orders write them: all first messages, then all second ones, and so on. */
export const backlog = (total: number): readonly OutboxMessage[] => {
  const orders = Array.from({ length: Math.ceil(total / perOrder) }, () => uuidV7Ids.next());
  return Array.from({ length: total }, (_, index) => {
    const orderId = orders[index % orders.length] ?? '';
    return message(orderId, Math.floor(index / orders.length) + 1);
  });
};

const message = (orderId: string, sequence: number): OutboxMessage => {
  const id = uuidV7Ids.next();
  const name = names[sequence - 1] ?? 'order.placed';
  const order: object = JSON.parse(orderBody());
  const data = sequence === 1 ? { id: orderId, version: 1, ...order } : { orderId, version: sequence };
  const stream = `orders/${orderId}`;
  const traceparent = `00-${id.replaceAll('-', '')}-${id.replaceAll('-', '').slice(16)}-01`;
  const trace = { correlationId: id, causationId: id, traceparent };
  return {
    id,
    tenant: 'default',
    source: `/orderflow/${stream}`,
    sequence,
    type: `orderflow.${name}.v1`,
    exchange: 'events',
    routingKey: name,
    payload: encodeEnvelope(
      { name, data },
      { id, stream, sequence, time: new Date().toISOString(), ...trace },
    ),
    traceparent,
    dueAt: 0,
  };
};
