import type { ReplayCleaner, ReplayJob, ReplayKeeper, ReplayReader } from '../../ports/replays.ts';
import type { BulkTable, SendingSession, Session, SqlDialect } from './dialect.ts';
import { deleteEndedJobs } from './endedJobs.ts';
import type { SqlWriter } from './SqlWriter.ts';

interface JobRow {
  readonly id: string;
  readonly tenant: string;
  readonly queue: string;
  readonly streams: string | null;
  readonly from_position: number;
  readonly until_position: number;
  readonly position: number;
  readonly underway: number;
  readonly sent: number;
  readonly rate_per_second: number | null;
  readonly next_step_at: number;
  readonly state: ReplayJob['state'];
  readonly created_at: number;
  readonly created_by: string;
  readonly ended_at: number | null;
}

const columns = [
  'id',
  'tenant',
  'queue',
  'streams',
  'from_position',
  'until_position',
  'position',
  'underway',
  'sent',
  'rate_per_second',
  'next_step_at',
  'state',
  'created_at',
  'created_by',
  'ended_at',
] as const;

const changing = ['position', 'underway', 'sent', 'next_step_at', 'state', 'ended_at'] as const;

const jobs: BulkTable = {
  name: 'replay_jobs',
  columns,
  longText: false,
  suffix: `on conflict (id) do update set ${changing.map((column) => `${column} = excluded.${column}`).join(', ')}`,
};

const selectJobs = `select ${columns.join(', ')} from replay_jobs`;

export const createReplayReader = (read: Session): ReplayReader => ({
  job: (tenant, id) => findJob(read, tenant, id),
  runningJobs: async () =>
    (await read.query<JobRow>(`${selectJobs} where state = 'running' order by id`)).map(toJob),
});

export const createReplayCleaner = (writer: SqlWriter, dialect: SqlDialect): ReplayCleaner => ({
  deleteEndedBefore: (before, limit) => deleteEndedJobs(writer, dialect, jobs.name, before, limit),
});

export const createReplayKeeper = (session: SendingSession, dialect: SqlDialect): ReplayKeeper => ({
  findJob: (tenant, id) => findJob(session, tenant, id),
  saveJob: async (job) => {
    await dialect.insert(session, jobs, [
      [
        job.id,
        job.tenant,
        job.queue,
        job.streams === null ? null : JSON.stringify(job.streams),
        job.from,
        job.until,
        job.position,
        job.underway,
        job.sent,
        job.ratePerSecond,
        job.nextStepAt,
        job.state,
        job.createdAt,
        job.createdBy,
        job.endedAt,
      ],
    ]);
  },
  recordStart: async (queue, at) => {
    const inserted =
      'insert into queue_starts (queue, started_at) values (?, ?) on conflict (queue) do nothing';
    return (await dialect.change(session, inserted, [queue, at])) === 1;
  },
});

const findJob = async (session: Session, tenant: string, id: string): Promise<ReplayJob | undefined> => {
  const [row] = await session.query<JobRow>(`${selectJobs} where tenant = ? and id = ?`, [tenant, id]);
  return row && toJob(row);
};

const toJob = (row: JobRow): ReplayJob => ({
  id: row.id,
  tenant: row.tenant,
  queue: row.queue,
  streams: row.streams === null ? null : (JSON.parse(row.streams) as string[]),
  from: row.from_position,
  until: row.until_position,
  position: row.position,
  underway: row.underway,
  sent: row.sent,
  ratePerSecond: row.rate_per_second,
  nextStepAt: row.next_step_at,
  state: row.state,
  createdAt: row.created_at,
  createdBy: row.created_by,
  endedAt: row.ended_at,
});
