import { type Lease, partitionCount } from '../ports/outbox.ts';

/** One partition's lease; without an owner it is free. The fence outlives owners. */
export interface LeaseRow extends Lease {
  readonly owner: string | null;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** A relay that renewed lately. */
export interface RelayMember {
  readonly owner: string;
  readonly expiresAt: number;
}

export interface LeaseTable {
  /** One row per partition. */
  readonly leases: readonly LeaseRow[];
  readonly members: readonly RelayMember[];
}

export const emptyLeaseTable: LeaseTable = {
  leases: Array.from({ length: partitionCount }, (_, partition) => ({
    partition,
    fence: 0,
    owner: null,
    expiresAt: 0,
  })),
  members: [],
};

/**
 * What `PartitionLeases.renew` does to the table, without the database around it. Owners that have not renewed in
 * time are forgotten first, so that the shares of those who live grow.
 */
export const renewLeases = (
  table: LeaseTable,
  owner: string,
  now: number,
  ttlMs: number,
): { readonly table: LeaseTable; readonly held: readonly Lease[]; readonly excess: number } => {
  const expiresAt = now + ttlMs;
  const living = table.members.filter((member) => member.owner !== owner && member.expiresAt > now);
  const members = [...living, { owner, expiresAt }];
  const share = Math.ceil(table.leases.length / members.length);
  let count = table.leases.filter((lease) => lease.owner === owner).length;
  const leases = table.leases.map((lease): LeaseRow => {
    if (lease.owner === owner) return { ...lease, expiresAt };
    const free = lease.owner === null || lease.expiresAt <= now;
    if (!free || count >= share) return lease;
    count += 1;
    return { ...lease, owner, expiresAt, fence: lease.fence + 1 };
  });
  const held = leases
    .filter((lease) => lease.owner === owner)
    .map(({ partition, fence }) => ({ partition, fence }));
  return { table: { leases, members }, held, excess: Math.max(0, held.length - share) };
};

/** What `PartitionLeases.releaseAll` does to the table. */
export const releaseAllLeases = (table: LeaseTable): LeaseTable => ({
  leases: table.leases.map((lease) => ({ ...lease, owner: null, expiresAt: 0 })),
  members: [],
});

/** What `PartitionLeases.release` does to the table. */
export const releaseLeases = (
  table: LeaseTable,
  owner: string,
  partitions: readonly number[] | 'all',
): LeaseTable => ({
  leases: table.leases.map((lease) =>
    lease.owner === owner && (partitions === 'all' || partitions.includes(lease.partition))
      ? { ...lease, owner: null, expiresAt: 0 }
      : lease,
  ),
  members: partitions === 'all' ? table.members.filter((member) => member.owner !== owner) : table.members,
});
