import {
  type IdempotencyCleaner,
  type IdempotencyKeeper,
  type IdempotencyRecord,
  idempotencyKeyText,
} from '../../ports/idempotencyStore.ts';
import type { MemoryTransaction, Pause } from './MemoryTransaction.ts';
import type { MemoryState } from './memoryState.ts';

export const createIdempotencyKeeper = (transaction: MemoryTransaction): IdempotencyKeeper => {
  const { state } = transaction;
  const own = new Map<string, IdempotencyRecord>();

  const look = (key: string): IdempotencyRecord | undefined => {
    const mine = own.get(key);
    if (mine !== undefined) return mine;
    const committed = state.idempotency.get(key);
    transaction.rely(() => state.idempotency.get(key) === committed);
    return committed;
  };

  return {
    find: (keys) =>
      transaction.step('idempotency.find', () => {
        const texts = new Set(keys.map(idempotencyKeyText));
        return [...texts].map(look).filter((record) => record !== undefined);
      }),
    save: (records) =>
      transaction.step('idempotency.save', () => {
        for (const record of records) {
          const key = idempotencyKeyText(record);
          if (look(key) !== undefined) throw transaction.conflict('an idempotency key was used already');
          const stored = { ...record };
          own.set(key, stored);
          transaction.write(() => state.idempotency.set(key, stored));
        }
      }),
  };
};

export const createIdempotencyCleaner = (state: MemoryState, pause: Pause): IdempotencyCleaner => ({
  deleteOlderThan: async (before, limit) => {
    await pause('idempotency.deleteOlderThan');
    const old = [...state.idempotency.entries()]
      .filter(([, record]) => record.createdAt < before)
      .sort(([, one], [, other]) => one.createdAt - other.createdAt)
      .slice(0, limit);
    for (const [key] of old) state.idempotency.delete(key);
    return old.length;
  },
});
