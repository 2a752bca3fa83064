import type { DeadLetter, DeadLetterDesk } from '../../ports/deadLetters.ts';
import type { BulkTable, Session, SqlDialect } from './dialect.ts';
import type { SqlWriter } from './SqlWriter.ts';

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
  'message',
] as const;

const renewed = [
  'reason',
  'error',
  'attempts',
  'type',
  'source',
  'sequence',
  'last_seen',
  'message',
] as const;

const table: BulkTable = {
  name: 'dead_letters',
  columns,
  longText: true,
  suffix: `on conflict (tenant, queue, message_id) do update set ${renewed.map((column) => `${column} = excluded.${column}`).join(', ')}`,
};

const selected = columns.join(', ');

export const createDeadLetterDesk = (
  read: Session,
  writer: SqlWriter,
  dialect: SqlDialect,
): DeadLetterDesk => ({
  keep: async (letters) => {
    if (letters.length === 0) return;
    await writer.write((session) =>
      dialect.insert(
        session,
        table,
        letters.map((letter) => [
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
          letter.message,
        ]),
      ),
    );
  },
  list: async ({ tenant, queue, reason, type, before, limit }) => {
    const filters = Object.entries({ queue, reason, type }).filter(([, value]) => value !== undefined);
    const conditions = ['tenant = ?', ...filters.map(([column]) => `${column} = ?`)];
    if (before !== undefined) conditions.push('id < ?');
    const rows = await read.query<Row>(
      `select ${selected} from dead_letters where ${conditions.join(' and ')} order by id desc limit ?`,
      [
        tenant,
        ...filters.map(([, value]) => value ?? null),
        ...(before === undefined ? [] : [before]),
        limit,
      ],
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
});

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
  message: row.message,
});
