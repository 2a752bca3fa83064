import type { StreamKey, StreamPart } from '../../ports/eventStore.ts';
import { streamKeyText } from '../../ports/eventStore.ts';
import type { Snapshot, SnapshotKey } from '../../ports/snapshots.ts';

/** The schema of every category that has snapshots, for the pipeline that writes these models. */
export const snapshotSchemas = (
  models: readonly {
    readonly aggregate: { readonly category: string };
    readonly snapshots?: { readonly schema: number };
  }[],
): ReadonlyMap<string, number> =>
  new Map(
    models.flatMap(({ aggregate, snapshots }) =>
      snapshots === undefined ? [] : [[aggregate.category, snapshots.schema] as const],
    ),
  );

/** Which of these streams may have a snapshot. */
export const snapshotKeys = (
  streams: readonly StreamKey[],
  schemas: ReadonlyMap<string, number>,
): readonly SnapshotKey[] =>
  schemas.size === 0
    ? []
    : streams.flatMap((key) => {
        const schema = schemas.get(key.stream.slice(0, key.stream.indexOf('/')));
        return schema === undefined ? [] : [{ ...key, schema }];
      });

/** Each stream from its snapshot on, and those without one from their start. */
export const startingAfter = (
  streams: readonly StreamKey[],
  snapshots: readonly Snapshot[],
): readonly StreamPart[] => {
  if (snapshots.length === 0) return streams;
  const versions = new Map(snapshots.map((snapshot) => [streamKeyText(snapshot), snapshot.version]));
  return streams.map((key) => ({ ...key, after: versions.get(streamKeyText(key)) ?? 0 }));
};
