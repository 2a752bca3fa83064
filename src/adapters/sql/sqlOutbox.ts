import type { Lease, Outbox, OutboxBacklog, OutboxStats, PendingMessage } from '../../ports/outbox.ts';
import { partitionCount } from '../../ports/outbox.ts';
import type { Session, SqlDialect } from './dialect.ts';
import type { SqlWriter } from './SqlWriter.ts';
import { sourceRange, unpublishedOf } from './sqlOutboxWriter.ts';

type PendingHead = Omit<PendingMessage, 'payload' | 'headers'> & { readonly headers: string | null };

/** `head` is a `PendingHead` as JSON. */
interface PendingRow {
  readonly head: string;
  readonly payload: string;
}

const headColumns: Record<keyof PendingHead, string> = {
  row: 'o.row_no',
  id: 'o.id',
  tenant: 'o.tenant',
  source: 'o.source',
  sequence: 'o.sequence',
  type: 'o.type',
  exchange: 'o.exchange',
  routingKey: 'o.routing_key',
  traceparent: 'o.traceparent',
  headers: 'o.headers',
  dueAt: 'o.due_at',
  partition: 'o.partition_no',
  attempts: 'o.attempts',
  headSequence: `(select min(h.sequence) from outbox h
    where h.tenant = o.tenant and h.source = o.source and h.published_at is null)`,
};

const waiting = 'o.published_at is null and o.set_aside_reason is null';

/** `read` sees committed rows; every change is a short transaction of its own in the writer's queue. */
export const createOutbox = (read: Session, writer: SqlWriter, dialect: SqlDialect): Outbox => {
  const change = (sql: string, bindings: readonly (string | number)[]): Promise<number> =>
    writer.write((session) => dialect.change(session, sql, bindings));

  /** Rows whose partition is still leased to this owner with this fence; takes the leases and the owner. */
  const stillLeased = `partition_no in (select l.partition_no from ${dialect.rows(['integer', 'integer'])} f
    join relay_leases l on l.partition_no = f.c0 and l.fence = f.c1 where l.owner = ?)`;
  const fence = (leases: readonly Lease[]): string =>
    JSON.stringify(leases.map(({ partition, fence }) => [partition, fence]));

  return {
    readDue: async ({ partitions, now, limit, after }) => {
      const every = new Set(partitions).size === partitionCount;
      const rows = await read.query<PendingRow>(
        `select ${dialect.packed(headColumns)} as head, o.payload from outbox o
         where ${waiting} and o.due_at <= ? and (o.due_at, o.row_no) > (?, ?)
           ${every ? '' : `and o.partition_no in (select c0 from ${dialect.rows(['integer'])} p)`}
         order by o.due_at, o.row_no limit ?`,
        [
          now,
          after?.dueAt ?? -1,
          after?.row ?? -1,
          ...(every ? [] : [JSON.stringify(partitions.map((partition) => [partition]))]),
          limit,
        ],
      );
      return rows.map(toPending);
    },
    markPublished: (rows, at, owner, leases) =>
      change(
        `update outbox set published_at = ?, set_aside_reason = null
         where row_no in (select c0 from ${dialect.rows(['integer'])} r) and published_at is null and ${stillLeased}`,
        [at, JSON.stringify(rows.map((row) => [row])), fence(leases), owner],
      ),
    postpone: async (rows, owner, leases) => {
      await change(
        `update outbox set due_at = r.c1, attempts = r.c2, last_error = r.c3
         from ${dialect.rows(['integer', 'integer', 'integer', 'text'])} r
         where row_no = r.c0 and published_at is null and ${stillLeased}`,
        [
          JSON.stringify(rows.map(({ row, dueAt, attempts, error }) => [row, dueAt, attempts, error])),
          fence(leases),
          owner,
        ],
      );
    },
    setAside: async (row, reason, owner, leases) => {
      await change(
        `update outbox set set_aside_reason = ? where row_no = ? and published_at is null and ${stillLeased}`,
        [reason, row, fence(leases), owner],
      );
    },
    listSetAside: async (limit) =>
      (
        await read.query<Awaited<ReturnType<Outbox['listSetAside']>>[number]>(
          `select id, source, sequence, type, set_aside_reason as reason from outbox
           where set_aside_reason is not null order by row_no limit ?`,
          [limit],
        )
      ).map((row) => ({ ...row })),
    nextDueAt: async (now) => {
      const [row] = await read.query<{ next: number | null }>(
        `select min(o.due_at) as next from outbox o where ${waiting} and o.due_at > ?`,
        [now],
      );
      return row?.next ?? null;
    },
    findPublished: async (places) => {
      if (places.length === 0) return [];
      const rows = await read.query<{ place: number }>(
        `select p.c3 as place from ${dialect.rows(['text', 'text', 'integer', 'integer'])} p
         where not exists (select 1 from outbox o where o.tenant = p.c0 and o.source = p.c1
           and o.sequence <= p.c2 and o.published_at is null)
         order by p.c3`,
        [
          JSON.stringify(
            places.map(({ tenant, source, sequence }, place) => [tenant, source, sequence, place]),
          ),
        ],
      );
      return rows.map(({ place }) => place);
    },
    stats: (now) => readStats(read, now),
    backlog: async (tenant, sourcePrefix) => {
      const [row] = await read.query<OutboxBacklog>(
        `select count(*) as unpublished, max(coalesce(set_aside_reason, last_error)) as error
         from outbox where ${unpublishedOf}`,
        [tenant, ...sourceRange(sourcePrefix)],
      );
      return { unpublished: row?.unpublished ?? 0, error: row?.error ?? null };
    },
    lastPublishedAt: async () => {
      const [row] = await read.query<{ at: number | null }>(
        'select max(published_at) as at from outbox where published_at is not null',
      );
      return row?.at ?? null;
    },
    deletePublishedBefore: (before, limit) =>
      change(
        `delete from outbox where row_no in (select row_no from outbox
           where published_at is not null and published_at < ? order by published_at, row_no limit ?)`,
        [before, limit],
      ),
  };
};

/**
 * Messages that wait for a time still to come are many, one for each unpaid order: each part is read from an index.
 * With nothing set aside, as nearly always, nothing is held, and the rows themselves need not be looked at.
 */
const readStats = async (read: Session, now: number): Promise<OutboxStats> => {
  const one = async <Row extends object>(sql: string, bindings: readonly number[] = []) =>
    (await read.query<Row>(sql, bindings))[0];
  const aside = await one<{ count: number }>(
    'select count(*) as count from outbox where set_aside_reason is not null',
  );
  const setAside = aside?.count ?? 0;
  const behind = `exists (select 1 from outbox s where s.set_aside_reason is not null
    and s.tenant = o.tenant and s.source = o.source and s.sequence < o.sequence)`;
  const held =
    setAside === 0
      ? undefined
      : await one<{ count: number }>(`select count(*) as count from outbox o where ${waiting} and ${behind}`);
  const count = (condition: string, bindings: readonly number[]) =>
    one<{ count: number; row: number | null; due: number | null }>(
      `select count(*) as count, min(o.row_no) as row, min(o.due_at) as due from outbox o
       where ${waiting} and ${condition} ${setAside === 0 ? '' : `and not ${behind}`}`,
      bindings,
    );
  const atOnce = await count('o.due_at = 0', []);
  const due = await count('o.due_at > 0 and o.due_at <= ? and o.last_error is null', [now]);
  const putOff = await count('o.due_at > 0 and o.last_error is not null', []);
  const added = await one<{ at: number | null }>(
    'select min(added_at) as at from outbox where row_no in (?, ?)',
    [atOnce?.row ?? 0, putOff?.row ?? 0],
  );
  const since = [added?.at, due?.due].filter((time) => typeof time === 'number');
  return {
    pending: (atOnce?.count ?? 0) + (due?.count ?? 0) + (putOff?.count ?? 0),
    held: held?.count ?? 0,
    setAside,
    oldestPendingAgeSeconds: since.length === 0 ? null : Math.max(0, now - Math.min(...since)) / 1000,
  };
};

const toPending = ({ head, payload }: PendingRow): PendingMessage => {
  const { headers, ...rest } = JSON.parse(head) as PendingHead;
  const message = { ...rest, payload };
  return headers === null ? message : { ...message, headers: JSON.parse(headers) as Record<string, string> };
};
