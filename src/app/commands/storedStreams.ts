import type { RecordedEvent, StreamKey } from '../../ports/eventStore.ts';
import { streamKeyText } from '../../ports/eventStore.ts';
import type { Snapshot } from '../../ports/snapshots.ts';
import type { Transaction } from '../../ports/unitOfWork.ts';
import { snapshotKeys, startingAfter } from './snapshots.ts';

/** What was read for a batch: the snapshots, and of every needed stream the events since. */
export interface StoredStreams {
  readonly needed: readonly StreamKey[];
  readonly snapshots: readonly Snapshot[];
  readonly events: readonly RecordedEvent[];
}

/** Reads streams, each once. `schemas` are those of the categories that have snapshots. */
export const readStored = async (
  tx: Transaction,
  streams: readonly StreamKey[],
  schemas: ReadonlyMap<string, number> = new Map(),
): Promise<StoredStreams> => {
  const needed = [...new Map(streams.map((key) => [streamKeyText(key), key])).values()];
  const wanted = snapshotKeys(needed, schemas);
  const snapshots = wanted.length === 0 ? [] : await tx.snapshots.find(wanted);
  const events = await tx.events.readStreams(startingAfter(needed, snapshots));
  return { needed, snapshots, events };
};
