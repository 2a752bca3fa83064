import type {
  DeadLetter,
  DeadLetterDesk,
  DeadLetterSelection,
  DeadLetterTaker,
  FoundDeadLetter,
} from '../../ports/deadLetters.ts';
import type { BulkTable, SendingSession, Session, SqlDialect, SqlValue } from './dialect.ts';
import type { SqlWriter } from './SqlWriter.ts';
import { createJobCleaner, createJobReader, createJobWriter } from './sqlRedriveJobs.ts';

interface Row {
  readonly id: string;
  readonly tenant: string;
  readonly queue: string;
  readonly message_id: string;
  readonly reason: string;
  readonly error: string | null;
  readonly attempts: number;
  readonly type: string;
  readonly source: string;
  readonly sequence: number | null;
  readonly first_seen: number;
  readonly last_seen: number;
  readonly redrivable: number;
  readonly message: string;
}

const columns = [
  'id',
  'tenant',
  'queue',
  'message_id',
  'reason',
  'error',
  'attempts',
  'type',
  'source',
  'sequence',
  'first_seen',
  'last_seen',
  'redrivable',
  'message',
] as const;

const renewed = [
  'reason',
  'error',
  'attempts',
  'type',
  'sequence',
  'last_seen',
  'redrivable',
  'message',
] as const;

const table: BulkTable = {
  name: 'dead_letters',
  columns,
  longText: true,
  suffix: `on conflict (tenant, queue, source, message_id) do update set ${renewed.map((column) => `${column} = excluded.${column}`).join(', ')}`,
};

const selected = columns.join(', ');

export const createDeadLetterDesk = (
  read: Session,
  writer: SqlWriter,
  dialect: SqlDialect,
): DeadLetterDesk => ({
  keep: async (letters) => {
    if (letters.length === 0) return;
    await writer.write((session) => dialect.insert(session, table, letters.map(toRow)));
  },
  list: async ({ tenant, before, limit, ...selection }) => {
    const { where, bindings } = selecting(dialect, tenant, selection);
    const rows = await read.query<Row>(
      `select ${selected} from dead_letters where ${where} ${before === undefined ? '' : 'and id < ?'} order by id desc limit ?`,
      [...bindings, ...(before === undefined ? [] : [before]), limit],
    );
    return rows.map(toLetter);
  },
  get: async (tenant, id) => {
    const [row] = await read.query<Row>(`select ${selected} from dead_letters where tenant = ? and id = ?`, [
      tenant,
      id,
    ]);
    return row && toLetter(row);
  },
  count: async (tenant, selection) => {
    const { where, bindings } = selecting(dialect, tenant, selection);
    const [row] = await read.query<{ count: number }>(
      `select count(*) as count from dead_letters where ${where}`,
      bindings,
    );
    return row?.count ?? 0;
  },
  ...createJobReader(read),
  ...createJobCleaner(writer, dialect),
});

/** The transaction has the database to itself: what it selects is still there when it deletes it. */
export const createDeadLetterTaker = (session: SendingSession, dialect: SqlDialect): DeadLetterTaker => ({
  take: async ({ tenant, selection, before, limit }) => {
    const { where, bindings } = selecting(dialect, tenant, selection);
    const rows = await session.query<Row>(
      `select ${selected} from dead_letters where ${where} and id < ? order by id limit ?`,
      [...bindings, before, limit],
    );
    if (rows.length > 0) {
      await session.query(
        `delete from dead_letters where id in (select c0 from ${dialect.rows(['text'])} r)`,
        [JSON.stringify(rows.map(({ id }) => [id]))],
      );
    }
    return rows.map(toLetter);
  },
  keep: (letters) => dialect.insert(session, table, letters.map(toRow)),
  ...createJobWriter(session, dialect),
});

const selecting = (
  dialect: SqlDialect,
  tenant: string,
  { ids, queue, reason, type, redrivable }: DeadLetterSelection,
): { readonly where: string; readonly bindings: readonly SqlValue[] } => {
  const filters = Object.entries({ queue, reason, type }).filter(([, value]) => value !== undefined);
  const conditions = ['tenant = ?', ...filters.map(([column]) => `${column} = ?`)];
  const bindings: SqlValue[] = [tenant, ...filters.map(([, value]) => value ?? null)];
  if (redrivable !== undefined) {
    conditions.push('redrivable = ?');
    bindings.push(redrivable ? 1 : 0);
  }
  if (ids !== undefined) {
    conditions.push(`id in (select c0 from ${dialect.rows(['text'])} s)`);
    bindings.push(JSON.stringify(ids.map((id) => [id])));
  }
  return { where: conditions.join(' and '), bindings };
};

const toRow = (letter: FoundDeadLetter) => [
  letter.id,
  letter.tenant,
  letter.queue,
  letter.messageId,
  letter.reason,
  letter.error,
  letter.attempts,
  letter.type,
  letter.source,
  letter.sequence,
  letter.firstSeen,
  letter.foundAt,
  letter.redrivable ? 1 : 0,
  letter.message,
];

const toLetter = (row: Row): DeadLetter => ({
  id: row.id,
  tenant: row.tenant,
  queue: row.queue,
  messageId: row.message_id,
  reason: row.reason,
  error: row.error,
  attempts: row.attempts,
  type: row.type,
  source: row.source,
  sequence: row.sequence,
  firstSeen: row.first_seen,
  lastSeen: row.last_seen,
  redrivable: row.redrivable === 1,
  message: row.message,
});
