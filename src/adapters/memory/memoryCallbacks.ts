import {
  type CallbackCleaner,
  type CallbackInbox,
  type CallbackReader,
  type CallbackRow,
  callbackKeyText,
} from '../../ports/callbacks.ts';
import { streamKeyText } from '../../ports/eventStore.ts';
import type { MemoryTransaction, Pause } from './MemoryTransaction.ts';
import type { MemoryState } from './memoryState.ts';

export const createCallbackInbox = (transaction: MemoryTransaction): CallbackInbox => {
  const { state } = transaction;
  const own = new Map<string, CallbackRow>();

  const look = (key: string): CallbackRow | undefined => {
    const mine = own.get(key);
    if (mine !== undefined) return mine;
    const committed = state.callbacks.get(key);
    transaction.rely(() => state.callbacks.get(key) === committed);
    return committed;
  };

  return {
    find: (keys) =>
      transaction.step('callbacks.find', () => {
        const texts = new Set(keys.map(callbackKeyText));
        const rows = [...texts].map(look).filter((row) => row !== undefined);
        return rows.map(({ tenant, provider, callbackId, state }) => ({
          tenant,
          provider,
          callbackId,
          state,
        }));
      }),
    save: (rows) =>
      transaction.step('callbacks.save', () => {
        for (const row of rows) {
          const key = callbackKeyText(row);
          look(key);
          const stored = { ...row };
          own.set(key, stored);
          transaction.write(() => state.callbacks.set(key, stored));
        }
      }),
  };
};

export const createCallbackReader = (state: MemoryState, pause: Pause): CallbackReader => {
  const oldestFirst = (wanted: (row: CallbackRow) => boolean): CallbackRow[] =>
    [...state.callbacks.values()].filter(wanted).sort((one, other) => (one.id < other.id ? -1 : 1));
  return {
    list: async ({ tenant, state: wanted, provider, before, limit }) => {
      await pause('callbacks.list');
      return oldestFirst(
        (row) =>
          row.tenant === tenant &&
          (wanted === undefined || row.state === wanted) &&
          (provider === undefined || row.provider === provider) &&
          (before === undefined || row.id < before),
      )
        .reverse()
        .slice(0, limit)
        .map((row) => ({ ...row }));
    },
    get: async (tenant, id) => {
      await pause('callbacks.get');
      const [row] = oldestFirst((found) => found.tenant === tenant && found.id === id);
      return row && { ...row };
    },
    ready: async (after, limit) => {
      await pause('callbacks.ready');
      return oldestFirst(
        ({ tenant, state: found, stream, id }) =>
          found === 'parked' &&
          id > after &&
          stream !== null &&
          state.streams.has(streamKeyText({ tenant, stream })),
      )
        .slice(0, limit)
        .map((row) => ({ ...row }));
    },
  };
};

export const createCallbackCleaner = (state: MemoryState, pause: Pause): CallbackCleaner => ({
  deleteReceivedBefore: async (before, limit) => {
    await pause('callbacks.deleteReceivedBefore');
    const old = [...state.callbacks.entries()]
      .filter(([, row]) => row.receivedAt < before && row.state !== 'parked')
      .sort(([, one], [, other]) => one.receivedAt - other.receivedAt)
      .slice(0, limit);
    for (const [key] of old) state.callbacks.delete(key);
    return old.length;
  },
});
