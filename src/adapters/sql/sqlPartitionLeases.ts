import { type PartitionLeases, partitionCount } from '../../ports/outbox.ts';
import {
  emptyLeaseTable,
  type LeaseTable,
  releaseAllLeases,
  releaseLeases,
  renewLeases,
} from '../leaseTable.ts';
import type { BulkTable, SendingSession, Session, SqlDialect } from './dialect.ts';
import type { SqlWriter } from './SqlWriter.ts';

const leases: BulkTable = {
  name: 'relay_leases',
  columns: ['partition_no', 'fence', 'owner', 'expires_at'],
  longText: false,
  suffix:
    'on conflict (partition_no) do update set fence = excluded.fence, owner = excluded.owner, expires_at = excluded.expires_at',
};

const members: BulkTable = {
  name: 'relay_members',
  columns: ['owner', 'expires_at'],
  longText: false,
};

/** The tables are small: a change reads both, works on plain data, and writes them back under the write lock. */
export const createPartitionLeases = (writer: SqlWriter, dialect: SqlDialect): PartitionLeases => ({
  renew: (owner, now, ttlMs) =>
    writer.write(async (session) => {
      const { table, held, excess } = renewLeases(await load(session), owner, now, ttlMs);
      await store(session, dialect, table);
      return { held, excess };
    }),
  release: (owner, partitions) =>
    writer.write(async (session) =>
      store(session, dialect, releaseLeases(await load(session), owner, partitions)),
    ),
  releaseAll: () =>
    writer.write(async (session) => store(session, dialect, releaseAllLeases(await load(session)))),
});

const load = async (session: Session): Promise<LeaseTable> => {
  const rows = await session.query<LeaseTable['leases'][number]>(
    'select partition_no as partition, fence, owner, expires_at as "expiresAt" from relay_leases order by partition_no',
  );
  const living = await session.query<LeaseTable['members'][number]>(
    'select owner, expires_at as "expiresAt" from relay_members',
  );
  return { leases: rows.length === partitionCount ? rows : emptyLeaseTable.leases, members: living };
};

const store = async (session: SendingSession, dialect: SqlDialect, table: LeaseTable): Promise<void> => {
  await dialect.insert(
    session,
    leases,
    table.leases.map(({ partition, fence, owner, expiresAt }) => [partition, fence, owner, expiresAt]),
  );
  await session.query('delete from relay_members');
  await dialect.insert(
    session,
    members,
    table.members.map(({ owner, expiresAt }) => [owner, expiresAt]),
  );
};
