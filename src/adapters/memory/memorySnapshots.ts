import { streamKeyText } from '../../ports/eventStore.ts';
import type { Snapshot, SnapshotKeeper, SnapshotKey, SnapshotReader } from '../../ports/snapshots.ts';
import type { MemoryTransaction, Pause } from './MemoryTransaction.ts';
import type { MemoryState, StoredSnapshot } from './memoryState.ts';

/** What a transaction reads it does not rely on: it relies on the stream, whose snapshots all say the same. */
export const createSnapshotKeeper = (transaction: MemoryTransaction): SnapshotKeeper => {
  const { state } = transaction;
  const own = new Map<string, StoredSnapshot>();
  return {
    find: (keys) =>
      transaction.step('snapshots.find', () =>
        found(keys, (key) => own.get(key) ?? state.snapshots.get(key)),
      ),
    save: (snapshots) =>
      transaction.step('snapshots.save', () => {
        for (const snapshot of snapshots) {
          const stored = { ...snapshot, state: JSON.stringify(snapshot.state) };
          own.set(streamKeyText(snapshot), stored);
          transaction.write(() => state.snapshots.set(streamKeyText(snapshot), stored));
        }
      }),
  };
};

export const createSnapshotReader = (state: MemoryState, pause: Pause): SnapshotReader => ({
  find: async (keys) => {
    await pause('snapshots.find');
    return found(keys, (key) => state.snapshots.get(key));
  },
});

const found = (
  keys: readonly SnapshotKey[],
  stored: (key: string) => StoredSnapshot | undefined,
): readonly Snapshot[] =>
  keys.flatMap((key) => {
    const snapshot = stored(streamKeyText(key));
    if (snapshot?.schema !== key.schema) return [];
    return [{ ...snapshot, state: JSON.parse(snapshot.state) as object }];
  });
