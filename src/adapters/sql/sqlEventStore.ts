import {
  type Append,
  type AppendResult,
  type EventAppender,
  type EventReader,
  type ExpectedVersion,
  type RecordedEvent,
  type StreamKey,
  type StreamPart,
  type StreamStretch,
  streamKeyText,
} from '../../ports/eventStore.ts';
import type { BulkTable, SendingSession, Session, SqlDialect } from './dialect.ts';
import type { KnownStream, WriterMemory } from './WriterMemory.ts';

type EventHead = Omit<RecordedEvent, 'data'>;

/** `head` is an `EventHead` as JSON. */
interface EventRow {
  readonly head: string;
  readonly data: string;
}

const columns = [
  'position',
  'tenant',
  'stream',
  'version',
  'id',
  'type',
  'schema_version',
  'time',
  'correlation_id',
  'causation_id',
  'traceparent',
  'data',
] as const;

const table: BulkTable = { name: 'events', columns, longText: true };

const headColumns: Record<keyof EventHead, string> = {
  tenant: 'e.tenant',
  stream: 'e.stream',
  version: 'e.version',
  position: 'e.position',
  id: 'e.id',
  type: 'e.type',
  schemaVersion: 'e.schema_version',
  time: 'e.time',
  correlationId: 'e.correlation_id',
  causationId: 'e.causation_id',
  traceparent: 'e.traceparent',
};

const selected = (dialect: SqlDialect): string => `${dialect.packed(headColumns)} as head, e.data`;

export const createEventAppender = (
  session: SendingSession,
  dialect: SqlDialect,
  memory: WriterMemory,
): EventAppender => {
  const lastPosition = async (): Promise<number> => {
    memory.lastPosition ??= await readLastPosition(session);
    return memory.lastPosition;
  };

  /** In the order of the keys. */
  const lookUp = async (keys: readonly StreamKey[]): Promise<readonly KnownStream[]> => {
    await memory.fresh(session);
    return memory.streams.all(keys.map(streamKeyText), async (places) => {
      const asked = places.map((place) => keys[place]!);
      const rows = await readVersions(session, dialect, asked);
      session.requireOpen();
      const versions = new Map(rows.map((row) => [streamKeyText(row), row.version]));
      return asked.map((key) => ({ version: versions.get(streamKeyText(key)) ?? 0 }));
    });
  };

  return {
    readStreams: async (parts) => {
      await memory.fresh(session);
      // One that is known to end where it is to be read from has nothing to tell.
      const isOpen = (part: StreamPart): boolean =>
        memory.streams.get(streamKeyText(part))?.version !== (part.after ?? 0);
      const open = [...new Map(parts.map((part) => [streamKeyText(part), part])).values()].filter(isOpen);
      if (open.length === 0) return [];
      const [events] = await Promise.all([readStreams(session, dialect, open), lastPosition()]);
      session.requireOpen();
      // Without events after it, only `append` finds out whether the stream ever got as far.
      for (const part of open) {
        if ((part.after ?? 0) === 0) memory.streams.set(streamKeyText(part), { version: 0 });
      }
      for (const event of events) memory.streams.set(streamKeyText(event), { version: event.version });
      return events;
    },
    append: async (appends): Promise<AppendResult> => {
      const streams = await lookUp(appends);
      const conflicts = appends
        .map((append, index) => ({ ...append, actual: streams[index]!.version }))
        .filter(({ expected, actual }) => !matches(expected, actual))
        .map(({ tenant, stream, expected, actual }) => ({ tenant, stream, expected, actual }));
      if (conflicts.length > 0) return { ok: false, conflicts };
      const first = (await lastPosition()) + 1;
      const rows = rowsOf(appends, streams, first);
      memory.lastPosition = first + rows.length - 1;
      for (const [index, { events }] of appends.entries()) streams[index]!.version += events.length;
      const firstPositions = positionsOf(appends, first);
      await dialect.insert(session, table, rows);
      return { ok: true, firstPositions };
    },
  };
};

export const createEventReader = (session: Session, dialect: SqlDialect): EventReader => ({
  readStream: async ({ tenant, stream }, upTo = Number.MAX_SAFE_INTEGER) => {
    const rows = await session.query<EventRow>(
      `select ${selected(dialect)} from events e where e.tenant = ? and e.stream = ? and e.version <= ? order by e.version`,
      [tenant, stream, upTo],
    );
    return rows.map(toEvent);
  },
  readStreams: (parts) => readStreams(session, dialect, parts),
  readAll: async (after, limit) => {
    const rows = await session.query<EventRow>(
      `select ${selected(dialect)} from events e where e.position > ? order by e.position limit ?`,
      [after, limit],
    );
    return rows.map(toEvent);
  },
  lastPosition: () => readLastPosition(session),
  tenants: async () => {
    // From one to the next in the index, instead of reading every event.
    const rows = await session.query<{ tenant: string }>(
      `with recursive found (tenant) as (
         select min(tenant) from events
         union all
         select (select min(e.tenant) from events e where e.tenant > found.tenant) from found where found.tenant is not null
       ) select tenant from found where tenant is not null`,
    );
    return rows.map(({ tenant }) => tenant);
  },
});

const matches = (expected: ExpectedVersion, actual: number): boolean =>
  expected === 'any' || (expected === 'none' ? actual === 0 : actual === expected);

const readStreams = async (
  session: Session,
  dialect: SqlDialect,
  parts: readonly StreamStretch[],
): Promise<readonly RecordedEvent[]> => {
  if (parts.length === 0) return [];
  const rows = await session.query<EventRow>(
    `select ${selected(dialect)} from ${dialect.rows(['text', 'text', 'integer', 'integer'])} k
     join events e on e.tenant = k.c0 and e.stream = k.c1 and e.version > k.c2 and e.version <= k.c3
     order by e.tenant, e.stream, e.version`,
    [partRows(parts)],
  );
  return rows.map(toEvent);
};

const readVersions = (session: Session, dialect: SqlDialect, keys: readonly StreamKey[]) =>
  session.query<StreamKey & { readonly version: number }>(
    `select k.c0 as tenant, k.c1 as stream,
       coalesce((select max(e.version) from events e where e.tenant = k.c0 and e.stream = k.c1), 0) as version
     from ${dialect.rows(['text', 'text'])} k`,
    [partRows(keys)],
  );

const readLastPosition = async (session: Session): Promise<number> => {
  const [row] = await session.query<{ last: number | null }>('select max(position) as last from events');
  return row?.last ?? 0;
};

/** The parts as the JSON of `dialect.rows`, each stream once: a join would return its events twice. */
const partRows = (parts: readonly StreamStretch[]): string => {
  const unique = new Map(
    parts.map((part) => [
      streamKeyText(part),
      [part.tenant, part.stream, part.after ?? 0, part.through ?? Number.MAX_SAFE_INTEGER],
    ]),
  );
  return JSON.stringify([...unique.values()]);
};

/** Numbers the events from `first`, and those of each stream on from its version. */
const rowsOf = (appends: readonly Append[], streams: readonly KnownStream[], first: number) => {
  const rows: (string | number | null)[][] = [];
  for (const [index, { tenant, stream, events }] of appends.entries()) {
    let { version } = streams[index]!;
    for (const event of events) {
      version += 1;
      rows.push([
        first + rows.length,
        tenant,
        stream,
        version,
        event.id,
        event.type,
        event.schemaVersion,
        event.time,
        event.correlationId,
        event.causationId,
        event.traceparent,
        JSON.stringify(event.data),
      ]);
    }
  }
  return rows;
};

const positionsOf = (appends: readonly Append[], first: number): number[] => {
  let next = first;
  return appends.map(({ events }) => {
    const position = next;
    next += events.length;
    return position;
  });
};

const toEvent = ({ head, data }: EventRow): RecordedEvent => ({
  ...(JSON.parse(head) as EventHead),
  data: JSON.parse(data) as object,
});
