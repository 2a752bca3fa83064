import type { DomainError } from './domainError.ts';

/** Something that happened. `at` is the ISO 8601 time that came with the command; `data` is plain JSON. */
export interface DomainEvent<Type extends string = string, Data extends object = object> {
  readonly type: Type;
  readonly at: string;
  readonly data: Data;
}

/** What a command leads to: new events (none when it is a repetition), or a refusal that changes nothing. */
export type Decision<Event> =
  | { readonly ok: true; readonly events: readonly Event[] }
  | { readonly ok: false; readonly error: DomainError };

/**
 * The whole behaviour of one aggregate as three pure values: where it starts, what a command leads to, and how
 * an event changes it. `decide` reads no clock and makes no ids: time and ids come with the command.
 */
export interface Decider<Command, Event extends DomainEvent, State> {
  readonly initial: State;
  readonly decide: (command: Command, state: State) => Decision<Event>;
  readonly evolve: (state: State, event: Event) => State;
}

export const accept = <Event>(...events: readonly Event[]): Decision<Event> => ({ ok: true, events });

export const refuse = <Event>(error: DomainError): Decision<Event> => ({ ok: false, error });

export const fold = <Command, Event extends DomainEvent, State>(
  decider: Decider<Command, Event, State>,
  events: Iterable<Event>,
  from: State = decider.initial,
): State => {
  let state = from;
  for (const event of events) state = decider.evolve(state, event);
  return state;
};
