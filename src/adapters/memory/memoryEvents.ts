import {
  type Append,
  type AppendResult,
  type EventAppender,
  type EventReader,
  type ExpectedVersion,
  type RecordedEvent,
  type StreamKey,
  streamKeyText,
  type VersionConflict,
} from '../../ports/eventStore.ts';
import type { MemoryTransaction, Pause } from './MemoryTransaction.ts';
import { type MemoryState, type StoredEvent, toRecorded } from './memoryState.ts';

/** What the transaction sees of a stream: as it was at the first look, and its own events behind that. */
interface SeenStream {
  readonly committed: readonly StoredEvent[];
  readonly own: StoredEvent[];
}

export type MemoryEventAppender = EventAppender & {
  /** A stream's first event, without relying on anything: it never changes once it is there. */
  firstPosition(key: StreamKey): number | undefined;
};

export const createEventAppender = (transaction: MemoryTransaction): MemoryEventAppender => {
  const { state } = transaction;
  const streams = new Map<string, SeenStream>();
  let appended = false;

  const look = (key: StreamKey): SeenStream => {
    const text = streamKeyText(key);
    const known = streams.get(text);
    if (known !== undefined) return known;
    const committed = [...(state.streams.get(text) ?? [])];
    const stream = { committed, own: [] };
    streams.set(text, stream);
    transaction.rely(() => (state.streams.get(text)?.length ?? 0) === committed.length);
    return stream;
  };

  /** Positions must grow in commit order: who took his before another commit, and commits after it, starts again. */
  const reserve = (): number => {
    state.lastPosition += 1;
    const position = state.lastPosition;
    if (!appended) transaction.rely(() => (state.log.at(-1)?.position ?? 0) < position);
    appended = true;
    return position;
  };

  const append = ({ tenant, stream, events }: Append): number => {
    const { committed, own } = look({ tenant, stream });
    const stored = events.map((event, index): StoredEvent => {
      const version = committed.length + own.length + index + 1;
      return { ...event, data: JSON.stringify(event.data), tenant, stream, version, position: reserve() };
    });
    own.push(...stored);
    transaction.write(() => commitEvents(state, stored));
    return stored[0]!.position;
  };

  return {
    readStreams: (parts) =>
      transaction.step('events.readStreams', () =>
        unique(parts).flatMap((part) => {
          const { committed, own } = look(part);
          return [...committed, ...own].slice(part.after ?? 0).map(toRecorded);
        }),
      ),
    append: (appends) =>
      transaction.step('events.append', (): AppendResult => {
        const conflicts = appends.flatMap(({ tenant, stream, expected }): VersionConflict[] => {
          const { committed, own } = look({ tenant, stream });
          const actual = committed.length + own.length;
          return matches(expected, actual) ? [] : [{ tenant, stream, expected, actual }];
        });
        return conflicts.length > 0
          ? { ok: false, conflicts }
          : { ok: true, firstPositions: appends.map(append) };
      }),
    firstPosition: (key) => {
      const text = streamKeyText(key);
      return (state.streams.get(text)?.[0] ?? streams.get(text)?.own[0])?.position;
    },
  };
};

export const createEventReader = (state: MemoryState, pause: Pause): EventReader => ({
  readStream: async (key, upTo = Number.MAX_SAFE_INTEGER) => {
    await pause('events.readStream');
    return streamOf(state, key).slice(0, upTo);
  },
  readStreams: async (parts) => {
    await pause('events.readStreams');
    return unique(parts).flatMap((part) => streamOf(state, part).slice(part.after ?? 0, part.through));
  },
  readAll: async (after, limit) => {
    await pause('events.readAll');
    return state.log.slice(firstAfter(state.log, after)).slice(0, limit).map(toRecorded);
  },
  lastPosition: async () => {
    await pause('events.lastPosition');
    return state.log.at(-1)?.position ?? 0;
  },
  tenants: async () => {
    await pause('events.tenants');
    return [...new Set(state.log.map(({ tenant }) => tenant))].sort();
  },
});

const matches = (expected: ExpectedVersion, actual: number): boolean =>
  expected === 'any' || (expected === 'none' ? actual === 0 : actual === expected);

const commitEvents = (state: MemoryState, events: readonly StoredEvent[]): void => {
  for (const event of events) {
    const key = streamKeyText(event);
    const stream = state.streams.get(key);
    if (stream === undefined) state.streams.set(key, [event]);
    else stream.push(event);
    state.log.push(event);
  }
};

const streamOf = (state: MemoryState, key: StreamKey): readonly RecordedEvent[] =>
  (state.streams.get(streamKeyText(key)) ?? []).map(toRecorded);

const unique = <Part extends StreamKey>(parts: readonly Part[]): readonly Part[] => [
  ...new Map(parts.map((part) => [streamKeyText(part), part])).values(),
];

const firstAfter = (log: readonly StoredEvent[], position: number): number => {
  let low = 0;
  let high = log.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (log[middle]!.position > position) high = middle;
    else low = middle + 1;
  }
  return low;
};
