import type {
  DeadLetterDesk,
  DeadLetterSelection,
  DeadLetterTaker,
  RedriveJob,
} from '../../ports/deadLetters.ts';
import type { BulkTable, SendingSession, Session, SqlDialect } from './dialect.ts';
import { deleteEndedJobs } from './endedJobs.ts';
import type { SqlWriter } from './SqlWriter.ts';

interface JobRow {
  readonly id: string;
  readonly tenant: string;
  readonly selection: string;
  readonly most: number | null;
  readonly rate_per_second: number | null;
  readonly total: number;
  readonly done: number;
  readonly skipped: number;
  readonly state: RedriveJob['state'];
  readonly created_at: number;
  readonly created_by: string;
  readonly ended_at: number | null;
}

const jobColumns = [
  'id',
  'tenant',
  'selection',
  'most',
  'rate_per_second',
  'total',
  'done',
  'skipped',
  'state',
  'created_at',
  'created_by',
  'ended_at',
] as const;

const jobs: BulkTable = {
  name: 'redrive_jobs',
  columns: jobColumns,
  longText: false,
  suffix:
    'on conflict (id) do update set total = excluded.total, done = excluded.done, state = excluded.state, ended_at = excluded.ended_at',
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
  skipped: row.skipped,
  state: row.state,
  createdAt: row.created_at,
  createdBy: row.created_by,
  endedAt: row.ended_at,
});

export const createJobReader = (read: Session): Pick<DeadLetterDesk, 'job' | 'runningJobs'> => ({
  job: (tenant, id) => findJob(read, tenant, id),
  runningJobs: async () =>
    (await read.query<JobRow>(`${selectJobs} where state = 'running' order by id`)).map(toJob),
});

export const createJobCleaner = (
  writer: SqlWriter,
  dialect: SqlDialect,
): Pick<DeadLetterDesk, 'deleteJobsEndedBefore'> => ({
  deleteJobsEndedBefore: (before, limit) => deleteEndedJobs(writer, dialect, jobs.name, before, limit),
});

export const createJobWriter = (
  session: SendingSession,
  dialect: SqlDialect,
): Pick<DeadLetterTaker, 'findJob' | 'saveJob'> => ({
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
        job.skipped,
        job.state,
        job.createdAt,
        job.createdBy,
        job.endedAt,
      ],
    ]);
  },
});
