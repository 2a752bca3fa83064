import { expect } from 'vitest';
import { type Decider, type DomainEvent, fold } from '../../src/domain/shared/decider.ts';
import type { DomainError } from '../../src/domain/shared/domainError.ts';

/**
 * The sentence of a domain test: given what has happened, when a command comes, then exactly these events follow, or
 * nothing does, or it is refused. (`then` alone would make the sentence a thenable, which `await` takes for a promise.)
 */
export const given = <Command, Event extends DomainEvent, State>(
  decider: Decider<Command, Event, State>,
  ...past: readonly Event[]
) => ({
  when: (command: Command) => {
    const decision = decider.decide(command, fold(decider, past));
    const events = (): readonly Event[] => {
      if (!decision.ok) throw new Error(`refused as ${decision.error.code}: ${decision.error.detail}`);
      return decision.events;
    };
    return {
      thenEvents: (...expected: readonly Event[]): void => expect(events()).toEqual(expected),
      thenNothing: (): void => expect(events()).toEqual([]),
      /** `detail` is a part of the sentence that the client reads. */
      thenRefused: (
        code: DomainError['code'],
        also: { readonly pointer?: string; readonly detail?: string } = {},
      ): void => {
        if (decision.ok) throw new Error(`accepted with ${JSON.stringify(decision.events)}`);
        expect(decision.error).toMatchObject({ code, ...(also.pointer && { pointer: also.pointer }) });
        expect(decision.error.detail).toContain(also.detail ?? '');
      },
      /** The state with what followed applied; for what a sentence wants to say about the outcome. */
      state: (): State => fold(decider, [...past, ...events()]),
    };
  },
});

/** What a row of accepted commands leaves behind, for tests whose past is easier to say in commands. */
export const eventsOf = <Command, Event extends DomainEvent, State>(
  decider: Decider<Command, Event, State>,
  ...commands: readonly Command[]
): readonly Event[] => {
  const past: Event[] = [];
  for (const command of commands) {
    const decision = decider.decide(command, fold(decider, past));
    if (!decision.ok) throw new Error(`the past itself was refused: ${decision.error.detail}`);
    past.push(...decision.events);
  }
  return past;
};
