import type { WriteModel } from '../../src/app/commands/work.ts';
import type { DomainEvent } from '../../src/domain/shared/decider.ts';

type Noted = DomainEvent<'Noted', { readonly note: string }>;

/** The plainest effect there is: a stream of notes. What a consumer did, and in which order, can be read there. */
export const notes: WriteModel<string, Noted, number> = {
  aggregate: {
    category: 'notes',
    decider: {
      initial: 0,
      decide: (note) => ({
        ok: true,
        events: [{ type: 'Noted', at: '2026-01-01T00:00:00.000Z', data: { note } }],
      }),
      evolve: (count) => count + 1,
    },
    schemaVersion: () => 1,
    upcast: ({ time, data }) => ({ type: 'Noted', at: time, data: data as Noted['data'] }),
    toPublic: ({ data }) => ({ name: 'note.taken', data }),
  },
};
