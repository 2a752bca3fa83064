import { type StoredShape, UnknownEventShape } from './aggregate.ts';
import type { DomainEvent } from './decider.ts';

/**
 * The two functions of an aggregate that tell stored shapes apart, for events whose only shape is today's. Every event
 * type is named with its schema version, so a new one cannot be forgotten.
 */
export const eventShapes = <Event extends DomainEvent>(current: Readonly<Record<Event['type'], number>>) => ({
  schemaVersion: (type: Event['type']): number => current[type],
  upcast: (stored: StoredShape): Event => {
    const { type, schemaVersion, time: at, data } = stored;
    const known = Object.hasOwn(current, type) ? current[type as Event['type']] : undefined;
    if (schemaVersion !== known) throw new UnknownEventShape(stored);
    // The boundary to stored data: what this program wrote under this type and version has this shape.
    return { type, at, data } as Event;
  },
});
