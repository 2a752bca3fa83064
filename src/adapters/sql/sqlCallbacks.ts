import type {
  CallbackCleaner,
  CallbackInbox,
  CallbackKey,
  CallbackReader,
  CallbackRow,
  CallbackState,
} from '../../ports/callbacks.ts';
import type { BulkTable, SendingSession, Session, SqlDialect, SqlValue } from './dialect.ts';
import type { SqlWriter } from './SqlWriter.ts';

interface Row {
  readonly id: string;
  readonly tenant: string;
  readonly provider: string;
  readonly callback_id: string;
  readonly state: CallbackState;
  readonly stream: string | null;
  readonly fact: string | null;
  readonly error: string | null;
  readonly received_at: number;
  readonly applied_at: number | null;
  readonly correlation_id: string;
  readonly traceparent: string | null;
  readonly body: string;
}

const columns = [
  'id',
  'tenant',
  'provider',
  'callback_id',
  'state',
  'stream',
  'fact',
  'error',
  'received_at',
  'applied_at',
  'correlation_id',
  'traceparent',
  'body',
] as const;

const keyColumns: readonly string[] = ['tenant', 'provider', 'callback_id'];
const renewed = columns.filter((column) => !keyColumns.includes(column));

const table: BulkTable = {
  name: 'callbacks',
  columns,
  longText: true,
  suffix: `on conflict (tenant, provider, callback_id) do update set ${renewed.map((column) => `${column} = excluded.${column}`).join(', ')}`,
};

const selected = columns.map((column) => `c.${column}`).join(', ');

/** The transaction has the database to itself: what it found, and what it did not find, stays so until its end. */
export const createCallbackInbox = (session: SendingSession, dialect: SqlDialect): CallbackInbox => ({
  find: async (keys) => {
    if (keys.length === 0) return [];
    return session.query<CallbackKey & { readonly state: CallbackState }>(
      `select distinct c.tenant, c.provider, c.callback_id as "callbackId", c.state
       from ${dialect.rows(['text', 'text', 'text'])} k
       join callbacks c on c.tenant = k.c0 and c.provider = k.c1 and c.callback_id = k.c2`,
      [JSON.stringify(keys.map(({ tenant, provider, callbackId }) => [tenant, provider, callbackId]))],
    );
  },
  save: (rows) => dialect.insert(session, table, rows.map(values)),
});

export const createCallbackReader = (read: Session): CallbackReader => ({
  list: async ({ tenant, state, provider, before, limit }) => {
    const conditions = ['c.tenant = ?'];
    const bindings: SqlValue[] = [tenant];
    if (state !== undefined) {
      conditions.push('c.state = ?');
      bindings.push(state);
      // As in the predicate of the index over what needs attention, so that it can be used.
      if (state !== 'applied') conditions.push('c.applied_at is null');
    }
    if (provider !== undefined) {
      conditions.push('c.provider = ?');
      bindings.push(provider);
    }
    if (before !== undefined) {
      conditions.push('c.id < ?');
      bindings.push(before);
    }
    const rows = await read.query<Row>(
      `select ${selected} from callbacks c where ${conditions.join(' and ')} order by c.id desc limit ?`,
      [...bindings, limit],
    );
    return rows.map(toCallback);
  },
  get: async (tenant, id) => {
    const [row] = await read.query<Row>(
      `select ${selected} from callbacks c where c.tenant = ? and c.id = ?`,
      [tenant, id],
    );
    return row && toCallback(row);
  },
  ready: async (after, limit) => {
    const rows = await read.query<Row>(
      `select ${selected} from callbacks c
       join events e on e.tenant = c.tenant and e.stream = c.stream and e.version = 1
       where c.state = 'parked' and c.applied_at is null and c.id > ? order by c.id limit ?`,
      [after, limit],
    );
    return rows.map(toCallback);
  },
});

export const createCallbackCleaner = (writer: SqlWriter, dialect: SqlDialect): CallbackCleaner => ({
  deleteReceivedBefore: (before, limit) =>
    writer.write((session) =>
      dialect.change(
        session,
        `delete from callbacks where id in (select id from callbacks where received_at < ? and state <> 'parked'
           order by received_at limit ?)`,
        [before, limit],
      ),
    ),
});

const values = (row: CallbackRow): (string | number | null)[] => [
  row.id,
  row.tenant,
  row.provider,
  row.callbackId,
  row.state,
  row.stream,
  row.fact,
  row.error,
  row.receivedAt,
  row.appliedAt,
  row.correlationId,
  row.traceparent,
  row.body,
];

const toCallback = (row: Row): CallbackRow => ({
  id: row.id,
  tenant: row.tenant,
  provider: row.provider,
  callbackId: row.callback_id,
  state: row.state,
  stream: row.stream,
  fact: row.fact,
  error: row.error,
  receivedAt: row.received_at,
  appliedAt: row.applied_at,
  correlationId: row.correlation_id,
  traceparent: row.traceparent,
  body: row.body,
});
