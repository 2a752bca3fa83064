import type { StreamKey } from './eventStore.ts';

/** What a long stream folds to at one version, so that it need not be read from its start. Only ever a shortcut. */
export interface Snapshot extends StreamKey {
  /** Of the last event that is folded in. */
  readonly version: number;
  /** How many of the events up to there became public messages. */
  readonly published: number;
  /** Which shape `state` has: a snapshot of another shape is as good as none. */
  readonly schema: number;
  /** Plain JSON. */
  readonly state: object;
}

/** Asks for a stream's snapshot of one shape. */
export interface SnapshotKey extends StreamKey {
  readonly schema: number;
}

export interface SnapshotReader {
  /** The snapshots that exist of these streams in these shapes, in no special order. */
  find(keys: readonly SnapshotKey[]): Promise<readonly Snapshot[]>;
}

/** Works inside a unit of work. */
export interface SnapshotKeeper extends SnapshotReader {
  /** Keeps snapshots, each stream named at most once per call; a stream has one at a time, so the latest counts. */
  save(snapshots: readonly Snapshot[]): Promise<void>;
}
