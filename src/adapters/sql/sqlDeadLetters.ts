import type {
  DeadLetter,
  DeadLetterDesk,
  DeadLetterSelection,
  DeadLetterTaker,
  DeskAction,
  RedriveJob,
} from '../../ports/deadLetters.ts';
import type { BulkTable, SendingSession, Session, SqlDialect, SqlValue } from './dialect.ts';
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
  job: (tenant, id) => findJob(read, tenant, id),
  runningJobs: async () =>
    (await read.query<JobRow>(`${selectJobs} where state = 'running' order by id`)).map(toJob),
  actions: async (tenant, limit) =>
    (
      await read.query<DeskAction>(
        `select id, tenant, at, who, what, letters, detail from desk_actions where tenant = ? order by id desc limit ?`,
        [tenant, limit],
      )
    ).map((row) => ({ ...row })),
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
  findJob: (tenant, id) => findJob(session, tenant, id),
  saveJob: async (job) => {
    await dialect.insert(session, jobs, [
      [
        job.id,
        job.tenant,
        JSON.stringify(job.selection),
        job.limit,
        job.ratePerSecond,
        job.total,
        job.done,
        job.state,
        job.createdAt,
        job.createdBy,
      ],
    ]);
  },
  recordAction: async ({ id, tenant, at, who, what, letters, detail }) => {
    await dialect.insert(session, actions, [[id, tenant, at, who, what, letters, detail]]);
  },
});

interface JobRow {
  readonly id: string;
  readonly tenant: string;
  readonly selection: string;
  readonly most: number | null;
  readonly rate_per_second: number | null;
  readonly total: number;
  readonly done: number;
  readonly state: RedriveJob['state'];
  readonly created_at: number;
  readonly created_by: string;
}

const jobColumns = [
  'id',
  'tenant',
  'selection',
  'most',
  'rate_per_second',
  'total',
  'done',
  'state',
  'created_at',
  'created_by',
] as const;

const jobs: BulkTable = {
  name: 'redrive_jobs',
  columns: jobColumns,
  longText: false,
  suffix:
    'on conflict (id) do update set total = excluded.total, done = excluded.done, state = excluded.state',
};

const actions: BulkTable = {
  name: 'desk_actions',
  columns: ['id', 'tenant', 'at', 'who', 'what', 'letters', 'detail'],
  longText: false,
};

const selectJobs = `select ${jobColumns.join(', ')} from redrive_jobs`;

const findJob = async (session: Session, tenant: string, id: string): Promise<RedriveJob | undefined> => {
  const [row] = await session.query<JobRow>(`${selectJobs} where tenant = ? and id = ?`, [tenant, id]);
  return row && toJob(row);
};

const toJob = (row: JobRow): RedriveJob => ({
  id: row.id,
  tenant: row.tenant,
  selection: JSON.parse(row.selection) as DeadLetterSelection,
  limit: row.most,
  ratePerSecond: row.rate_per_second,
  total: row.total,
  done: row.done,
  state: row.state,
  createdAt: row.created_at,
  createdBy: row.created_by,
});

const selecting = (
  dialect: SqlDialect,
  tenant: string,
  { ids, queue, reason, type }: DeadLetterSelection,
): { readonly where: string; readonly bindings: readonly SqlValue[] } => {
  const filters = Object.entries({ queue, reason, type }).filter(([, value]) => value !== undefined);
  const conditions = ['tenant = ?', ...filters.map(([column]) => `${column} = ?`)];
  const bindings: SqlValue[] = [tenant, ...filters.map(([, value]) => value ?? null)];
  if (ids !== undefined) {
    conditions.push(`id in (select c0 from ${dialect.rows(['text'])} s)`);
    bindings.push(JSON.stringify(ids.map((id) => [id])));
  }
  return { where: conditions.join(' and '), bindings };
};

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
