import type { RecordedEvent, StreamKey, StreamPart } from '../../ports/eventStore.ts';
import { streamKeyText } from '../../ports/eventStore.ts';
import type { Snapshot } from '../../ports/snapshots.ts';
import type { Transaction } from '../../ports/unitOfWork.ts';
import type { RecentStream, RecentStreams } from './RecentStreams.ts';
import { snapshotKeys, startingAfter } from './snapshots.ts';

/** What is known of a stream: what it was when it was used last, or its snapshot, and the events since. */
export interface StoredStream {
  readonly recent: RecentStream | undefined;
  snapshot: Snapshot | undefined;
  /** All that came after. */
  readonly events: RecordedEvent[];
}

/** Reads streams, each once, by their `streamKeyText`. `schemas` are those of the categories that have snapshots. */
export const readStored = async (
  tx: Transaction,
  streams: readonly StreamKey[],
  recentStreams: RecentStreams,
  schemas: ReadonlyMap<string, number> = new Map(),
): Promise<ReadonlyMap<string, StoredStream>> => {
  const stored = new Map<string, StoredStream>();
  const parts: StreamPart[] = [];
  const unread: StreamKey[] = [];
  for (const key of streams) {
    const text = streamKeyText(key);
    if (stored.has(text)) continue;
    const recent = recentStreams.get(text);
    stored.set(text, { recent, snapshot: undefined, events: [] });
    if (recent === undefined) unread.push(key);
    else parts.push({ ...key, after: recent.version });
  }
  const wanted = snapshotKeys(unread, schemas);
  const snapshots = wanted.length === 0 ? [] : await tx.snapshots.find(wanted);
  for (const snapshot of snapshots) stored.get(streamKeyText(snapshot))!.snapshot = snapshot;
  parts.push(...startingAfter(unread, snapshots));
  const events = await tx.events.readStreams(parts);
  for (const event of events) stored.get(streamKeyText(event))?.events.push(event);
  return stored;
};
