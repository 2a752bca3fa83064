import type { DeadLetter, DeadLetterDesk } from '../../ports/deadLetters.ts';
import type { Pause } from './MemoryTransaction.ts';
import type { MemoryState } from './memoryState.ts';

export const createDeadLetterDesk = (state: MemoryState, pause: Pause): DeadLetterDesk => ({
  keep: async (letters) => {
    await pause('deadLetters.keep');
    for (const { foundAt, ...letter } of letters) {
      const key = `${letter.tenant}\n${letter.queue}\n${letter.messageId}`;
      const { id, firstSeen } = state.deadLetters.get(key) ?? letter;
      state.deadLetters.set(key, { ...letter, id, firstSeen, lastSeen: foundAt });
    }
  },
  list: async ({ tenant, queue, reason, type, before, limit }) => {
    await pause('deadLetters.list');
    const matches = (letter: DeadLetter): boolean =>
      letter.tenant === tenant &&
      (queue === undefined || letter.queue === queue) &&
      (reason === undefined || letter.reason === reason) &&
      (type === undefined || letter.type === type) &&
      (before === undefined || letter.id < before);
    return [...state.deadLetters.values()]
      .filter(matches)
      .sort((one, other) => (one.id < other.id ? 1 : -1))
      .slice(0, limit)
      .map((letter) => ({ ...letter }));
  },
  get: async (tenant, id) => {
    await pause('deadLetters.get');
    const found = [...state.deadLetters.values()].find(
      (letter) => letter.tenant === tenant && letter.id === id,
    );
    return found && { ...found };
  },
});
