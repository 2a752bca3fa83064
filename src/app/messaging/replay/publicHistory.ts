import type { Aggregate } from '../../../domain/shared/aggregate.ts';
import type { DomainEvent } from '../../../domain/shared/decider.ts';
import type { RecordedEvent } from '../../../ports/eventStore.ts';
import type { OutboxMessage } from '../../../ports/outbox.ts';
import { publicMessage } from '../publicMessage.ts';

/** A stream as it was after one of its events. */
export interface StreamPoint {
  /** 0 before the first event. */
  readonly version: number;
  /** How many of the events up to there are public. */
  readonly published: number;
  readonly state: unknown;
}

/** The public history of one kind of stream. */
export interface PublicHistory {
  readonly category: string;
  readonly start: StreamPoint;
  /** Takes the stream one event on. The message is null where the event is private. */
  next(
    point: StreamPoint,
    event: RecordedEvent,
  ): { readonly point: StreamPoint; readonly message: OutboxMessage | null };
}

/** Tells what an aggregate's stored events were published as. */
export const publicHistoryOf = <C, E extends DomainEvent, S>(
  aggregate: Aggregate<C, E, S>,
): PublicHistory => {
  const { category, decider, upcast, isPublic } = aggregate;
  return {
    category,
    start: { version: 0, published: 0, state: decider.initial },
    next: (point, recorded) => {
      const event = upcast(recorded);
      // The state was folded by this very aggregate: streams of a category belong to one aggregate.
      const state = decider.evolve(point.state as S, event);
      const { version, id } = recorded;
      if (isPublic?.(event.type) === false)
        return { point: { version, published: point.published, state }, message: null };
      const published = point.published + 1;
      const place = { ...recorded, eventId: id, sequence: published };
      return { point: { version, published, state }, message: publicMessage(aggregate, event, state, place) };
    },
  };
};
