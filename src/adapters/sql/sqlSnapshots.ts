import type { SnapshotKeeper, SnapshotReader } from '../../ports/snapshots.ts';
import type { BulkTable, SendingSession, Session, SqlDialect } from './dialect.ts';

interface SnapshotRow {
  readonly tenant: string;
  readonly stream: string;
  readonly version: number;
  readonly published: number;
  readonly schema: number;
  readonly state: string;
}

const table: BulkTable = {
  name: 'snapshots',
  columns: ['tenant', 'stream', 'version', 'published', 'schema_version', 'state'],
  longText: true,
  suffix: `on conflict (tenant, stream) do update set version = excluded.version, published = excluded.published,
    schema_version = excluded.schema_version, state = excluded.state`,
};

export const createSnapshotReader = (session: Session, dialect: SqlDialect): SnapshotReader => ({
  find: async (keys) => {
    if (keys.length === 0) return [];
    const rows = await session.query<SnapshotRow>(
      `select s.tenant, s.stream, s.version, s.published, s.schema_version as "schema", s.state
       from ${dialect.rows(['text', 'text', 'integer'])} k
       join snapshots s on s.tenant = k.c0 and s.stream = k.c1 and s.schema_version = k.c2`,
      [JSON.stringify(keys.map(({ tenant, stream, schema }) => [tenant, stream, schema]))],
    );
    return rows.map((row) => ({ ...row, state: JSON.parse(row.state) as object }));
  },
});

export const createSnapshotKeeper = (session: SendingSession, dialect: SqlDialect): SnapshotKeeper => ({
  ...createSnapshotReader(session, dialect),
  save: async (snapshots) => {
    if (snapshots.length === 0) return;
    const rows = snapshots.map(({ tenant, stream, version, published, schema, state }) => [
      tenant,
      stream,
      version,
      published,
      schema,
      JSON.stringify(state),
    ]);
    await dialect.insert(session, table, rows);
  },
});
