import type { Publication } from '../../../ports/broker.ts';
import type { OutboxMessage } from '../../../ports/outbox.ts';

/** The outbox message as the broker gets it; `at` is the time of this publishing, in ms since the epoch. */
export const toPublication = (message: OutboxMessage, mandatory: boolean, at: number): Publication => ({
  id: message.id,
  type: message.type,
  contentType: 'application/cloudevents+json',
  payload: message.payload,
  timestamp: at,
  headers: headersOf(message),
  exchange: message.exchange,
  routingKey: message.routingKey,
  mandatory,
  orderingKey: `${message.tenant}\n${message.source}`,
});

const headersOf = ({ tenant, type, traceparent, headers }: OutboxMessage): Publication['headers'] => {
  const always = traceparent === null ? { tenant, type } : { tenant, type, traceparent };
  return headers === undefined ? always : { ...always, ...headers };
};
