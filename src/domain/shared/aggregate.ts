import type { Decider, DomainEvent } from './decider.ts';

/** An event as it was stored, perhaps years ago: `data` may have an older shape, named by `schemaVersion`. */
export interface StoredShape {
  readonly type: string;
  readonly schemaVersion: number;
  readonly time: string;
  readonly data: object;
}

/**
 * A message for the outside world: a versioned shape of its own, so that stored shapes can change. `name` is the
 * routing key, for example `order.placed`; the CloudEvents type is `orderflow.order.placed.v1`.
 */
export interface PublicMessage {
  readonly name: string;
  readonly data: object;
}

/**
 * All that the write pipeline needs to know of an aggregate. Its streams are named `<category>/<id>`, for example
 * `orders/018f…`. Every public event becomes exactly one public message; `sequence` counts these, so that it is the
 * event's version where all events are public.
 */
export interface Aggregate<Command, Event extends DomainEvent, State> {
  readonly category: string;
  readonly decider: Decider<Command, Event, State>;
  /** The schema version that is written today for an event type. */
  readonly schemaVersion: (type: Event['type']) => number;
  /** Brings any stored shape to today's. Throws `UnknownEventShape` for a type or version it has never heard of. */
  readonly upcast: (stored: StoredShape) => Event;
  /** Whether events of a type are told to the outside world; all of them are where this is left out. */
  readonly isPublic?: (type: Event['type']) => boolean;
  /** Of a public event. `after` is the state with the event applied, `version` the event's version. */
  readonly toPublic: (event: Event, after: State, id: string, version: number) => PublicMessage;
}

/** A stored event that this program cannot read: it was written by a newer one, or the database is not ours. */
export class UnknownEventShape extends Error {
  constructor(stored: Pick<StoredShape, 'type' | 'schemaVersion'>) {
    super(
      `stored event ${stored.type} with schema version ${stored.schemaVersion} is unknown to this program`,
    );
    this.name = 'UnknownEventShape';
  }
}

/** The CloudEvents type of a public message: `orderflow.order.placed.v1`. */
export const publicType = (name: string): string => `orderflow.${name}.v1`;
