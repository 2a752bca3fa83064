import { type Aggregate, publicType } from '../../domain/shared/aggregate.ts';
import type { DomainEvent } from '../../domain/shared/decider.ts';
import type { OutboxMessage } from '../../ports/outbox.ts';
import { encodeEnvelope, sourceOf } from './envelope.ts';

/** One event as it stands in its stream. */
export interface EventPlace {
  readonly tenant: string;
  readonly stream: string;
  readonly eventId: string;
  readonly version: number;
  /** Of its message: which of the stream's public messages it is. */
  readonly sequence: number;
  readonly correlationId: string;
  readonly causationId: string;
  readonly traceparent: string | null;
}

/** The message that tells of a public event: the same whenever it is made. `after` is the state after the event. */
export const publicMessage = <C, E extends DomainEvent, S>(
  { category, toPublic }: Aggregate<C, E, S>,
  event: E,
  after: S,
  place: EventPlace,
): OutboxMessage => {
  const { tenant, stream, eventId, version, sequence, correlationId, causationId, traceparent } = place;
  const message = toPublic(event, after, stream.slice(category.length + 1), version);
  const context = { id: eventId, stream, sequence, time: event.at, correlationId, causationId, traceparent };
  return {
    id: eventId,
    tenant,
    source: sourceOf(stream),
    sequence,
    type: publicType(message.name),
    exchange: 'events',
    routingKey: message.name,
    payload: encodeEnvelope(message, context),
    traceparent,
    dueAt: 0,
  };
};
