import type { Aggregate } from '../../domain/shared/aggregate.ts';
import { type DomainEvent, fold } from '../../domain/shared/decider.ts';
import type { NewEvent } from '../../ports/eventStore.ts';
import type { OrderViewChange } from '../../ports/orderViews.ts';
import type { Snapshot } from '../../ports/snapshots.ts';
import type { RecentStream } from './RecentStreams.ts';
import type { StoredStream } from './storedStreams.ts';
import type { SnapshotPolicy, WriteModel } from './work.ts';

/** What a batch knows of one stream: where it stood when it was read, and what was staged on top. */
export interface StagedStream {
  /** Its `streamKeyText`. */
  readonly key: string;
  readonly tenant: string;
  readonly stream: string;
  readonly storedVersion: number;
  /** Of its first event; null where that was not read: it is new, or read from a snapshot. */
  readonly firstPosition: number | null;
  readonly version: number;
  /** How many of its events are public: the sequence of the last message. */
  readonly published: number;
  /** Of the last snapshot that is known of; 0 where there is none. */
  readonly snapshotVersion: number;
  readonly state: unknown;
  readonly events: readonly NewEvent[];
  readonly view: ((firstPosition: number | null) => OrderViewChange) | null;
  readonly snapshot: (() => Snapshot) | null;
}

/** As it was read, with nothing staged. */
export const openStream = <C, E extends DomainEvent, S>(
  { aggregate, snapshots }: WriteModel<C, E, S>,
  name: Pick<StagedStream, 'key' | 'tenant' | 'stream'>,
  stored: StoredStream,
): StagedStream => {
  const base = stored.recent ?? atSnapshot(stored.snapshot, snapshots) ?? unread;
  const version = stored.events.at(-1)?.version ?? base.version;
  const events = stored.events.map(aggregate.upcast);
  const [first] = stored.events;
  return {
    ...name,
    storedVersion: version,
    firstPosition: base.firstPosition ?? (first?.version === 1 ? first.position : null),
    version,
    published: base.published + countPublic(aggregate, events),
    snapshotVersion: base.snapshotVersion,
    // Whatever it was kept as, it was folded by this very aggregate.
    state: fold(aggregate.decider, events, base === unread ? undefined : (base.state as S)),
    events: [],
    view: null,
    snapshot: null,
  };
};

/** As the next batch finds it, once this one is written. */
export const toRecent = (stream: StagedStream): RecentStream => {
  const { version, firstPosition, published, state, snapshot } = stream;
  const snapshotVersion = snapshot === null ? stream.snapshotVersion : version;
  return { version, firstPosition, published, snapshotVersion, state };
};

/** Before the first event. */
const unread: RecentStream = {
  version: 0,
  firstPosition: null,
  published: 0,
  snapshotVersion: 0,
  state: undefined,
};

const atSnapshot = <S>(
  snapshot: Snapshot | undefined,
  policy: SnapshotPolicy<S> | undefined,
): RecentStream | undefined => {
  if (snapshot === undefined || policy === undefined) return undefined;
  const { version, published } = snapshot;
  const state = policy.decode(snapshot.state);
  return { version, firstPosition: null, published, snapshotVersion: version, state };
};

const countPublic = <C, E extends DomainEvent, S>(
  { isPublic }: Aggregate<C, E, S>,
  events: readonly E[],
): number => (isPublic === undefined ? events.length : events.filter(({ type }) => isPublic(type)).length);
