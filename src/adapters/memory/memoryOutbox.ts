import type { Clock } from '../../ports/clock.ts';
import type { Lease, Outbox, OutboxWriter, PartitionLeases, PendingMessage } from '../../ports/outbox.ts';
import { releaseAllLeases, releaseLeases, renewLeases } from '../leaseTable.ts';
import { partitionOf } from '../partitionOf.ts';
import type { MemoryTransaction, Pause } from './MemoryTransaction.ts';
import type { MemoryState, OutboxRow } from './memoryState.ts';

export const createOutboxWriter = (
  transaction: MemoryTransaction,
  clock: Pick<Clock, 'now'>,
): OutboxWriter => ({
  add: (messages) =>
    transaction.step('outbox.add', () => {
      const { state } = transaction;
      const addedAt = clock.now();
      for (const message of messages) {
        transaction.write(() => {
          state.lastRow += 1;
          state.outbox.set(state.lastRow, {
            ...message,
            row: state.lastRow,
            partition: partitionOf(message.tenant, message.source),
            addedAt,
            attempts: 0,
            lastError: null,
            publishedAt: null,
            setAsideReason: null,
          });
        });
      }
    }),
  withdraw: (tenant, sourcePrefix) =>
    transaction.step('outbox.withdraw', () => {
      const { outbox } = transaction.state;
      const found = () => [...outbox.values()].filter((row) => isUnpublishedOf(row, tenant, sourcePrefix));
      transaction.write(() => {
        for (const { row } of found()) outbox.delete(row);
      });
      return found().length;
    }),
  retryAll: () =>
    transaction.step('outbox.retryAll', () => {
      const { outbox } = transaction.state;
      const found = () => [...outbox.values()].filter(isStuck);
      transaction.write(() => {
        for (const row of found()) {
          const attempts = row.setAsideReason === null ? row.attempts : 0;
          outbox.set(row.row, { ...row, dueAt: 0, setAsideReason: null, attempts });
        }
      });
      return found().length;
    }),
});

export const createOutbox = (state: MemoryState, pause: Pause): Outbox => {
  const rows = (): OutboxRow[] => [...state.outbox.values()];
  const waiting = (): OutboxRow[] => rows().filter(isWaiting);
  const change = (row: OutboxRow, values: Partial<OutboxRow>): void => {
    state.outbox.set(row.row, { ...row, ...values });
  };
  /** The unpublished ones among these rows whose partition is still leased to this owner with this fence. */
  const mine = (numbers: readonly number[], owner: string, leases: readonly Lease[]): OutboxRow[] =>
    [...new Set(numbers)]
      .map((number) => state.outbox.get(number))
      .filter((row) => row !== undefined)
      .filter((row) => row.publishedAt === null && isLeased(state, row.partition, owner, leases));

  return {
    readDue: async ({ partitions, now, limit, after }) => {
      await pause('outbox.readDue');
      const heads = headSequences(rows());
      return waiting()
        .filter((row) => row.dueAt <= now && partitions.includes(row.partition))
        .filter((row) => after === undefined || byDueTime(row, after) > 0)
        .sort(byDueTime)
        .slice(0, limit)
        .map((row) => toPending(row, heads));
    },
    markPublished: async (numbers, at, owner, leases) => {
      await pause('outbox.markPublished');
      const changed = mine(numbers, owner, leases);
      for (const row of changed) change(row, { publishedAt: at, setAsideReason: null });
      return changed.length;
    },
    postpone: async (delays, owner, leases) => {
      await pause('outbox.postpone');
      for (const { row, dueAt, attempts, error } of delays) {
        for (const found of mine([row], owner, leases)) change(found, { dueAt, attempts, lastError: error });
      }
    },
    setAside: async (number, reason, owner, leases) => {
      await pause('outbox.setAside');
      for (const row of mine([number], owner, leases)) change(row, { setAsideReason: reason });
    },
    listSetAside: async (limit) => {
      await pause('outbox.listSetAside');
      return rows()
        .filter((row) => row.setAsideReason !== null)
        .slice(0, limit)
        .map(({ id, source, sequence, type, setAsideReason }) => ({
          id,
          source,
          sequence,
          type,
          reason: setAsideReason ?? '',
        }));
    },
    nextDueAt: async (now) => {
      await pause('outbox.nextDueAt');
      const times = waiting()
        .map(({ dueAt }) => dueAt)
        .filter((dueAt) => dueAt > now);
      return times.length === 0 ? null : Math.min(...times);
    },
    findPublished: async (places) => {
      await pause('outbox.findPublished');
      const heads = headSequences(rows());
      return places.flatMap((place, index) =>
        (heads.get(sourceKey(place)) ?? Number.POSITIVE_INFINITY) > place.sequence ? [index] : [],
      );
    },
    stats: async (now) => {
      await pause('outbox.stats');
      const aside = rows().filter((row) => row.setAsideReason !== null);
      const isHeld = (row: OutboxRow) =>
        aside.some((one) => sourceKey(one) === sourceKey(row) && one.sequence < row.sequence);
      const all = waiting();
      const pending = all.filter((row) => !isHeld(row) && (row.dueAt <= now || row.lastError !== null));
      const since = pending.map((row) => (row.lastError === null && row.dueAt > 0 ? row.dueAt : row.addedAt));
      return {
        pending: pending.length,
        held: all.filter(isHeld).length,
        setAside: aside.length,
        oldestPendingAgeSeconds: since.length === 0 ? null : Math.max(0, now - Math.min(...since)) / 1000,
      };
    },
    backlog: async (tenant, sourcePrefix) => {
      await pause('outbox.backlog');
      const left = rows().filter((row) => isUnpublishedOf(row, tenant, sourcePrefix));
      const errors = left.map((row) => row.setAsideReason ?? row.lastError).filter((error) => error !== null);
      return { unpublished: left.length, error: errors.sort().at(-1) ?? null };
    },
    lastPublishedAt: async () => {
      await pause('outbox.lastPublishedAt');
      const times = rows().flatMap(({ publishedAt }) => publishedAt ?? []);
      return times.length === 0 ? null : Math.max(...times);
    },
    deletePublishedBefore: async (before, limit) => {
      await pause('outbox.deletePublishedBefore');
      const old = rows()
        .filter((row) => row.publishedAt !== null && row.publishedAt < before)
        .sort((one, other) => (one.publishedAt ?? 0) - (other.publishedAt ?? 0))
        .slice(0, limit);
      for (const { row } of old) state.outbox.delete(row);
      return old.length;
    },
  };
};

export const createPartitionLeases = (state: MemoryState, pause: Pause): PartitionLeases => ({
  renew: async (owner, now, ttlMs) => {
    await pause('leases.renew');
    const { table, held, excess } = renewLeases(state.leases, owner, now, ttlMs);
    state.leases = table;
    return { held, excess };
  },
  release: async (owner, partitions) => {
    await pause('leases.release');
    state.leases = releaseLeases(state.leases, owner, partitions);
  },
  releaseAll: async () => {
    await pause('leases.releaseAll');
    state.leases = releaseAllLeases(state.leases);
  },
});

const isWaiting = (row: OutboxRow): boolean => row.publishedAt === null && row.setAsideReason === null;

const isStuck = ({ publishedAt, setAsideReason, lastError, dueAt }: OutboxRow): boolean =>
  publishedAt === null && (setAsideReason !== null || (lastError !== null && dueAt > 0));

const isUnpublishedOf = (row: OutboxRow, tenant: string, sourcePrefix: string): boolean =>
  row.publishedAt === null && row.tenant === tenant && row.source.startsWith(sourcePrefix);

const isLeased = (
  state: MemoryState,
  partition: number,
  owner: string,
  leases: readonly Lease[],
): boolean => {
  const current = state.leases.leases.find((lease) => lease.partition === partition);
  return leases.some(
    (lease) => lease.partition === partition && current?.owner === owner && current.fence === lease.fence,
  );
};

const byDueTime = (one: Pick<OutboxRow, 'dueAt' | 'row'>, other: Pick<OutboxRow, 'dueAt' | 'row'>): number =>
  one.dueAt - other.dueAt || one.row - other.row;

const sourceKey = ({ tenant, source }: Pick<OutboxRow, 'tenant' | 'source'>): string =>
  `${tenant}\n${source}`;

const headSequences = (rows: readonly OutboxRow[]): ReadonlyMap<string, number> => {
  const heads = new Map<string, number>();
  for (const row of rows) {
    if (row.publishedAt !== null) continue;
    const key = sourceKey(row);
    heads.set(key, Math.min(heads.get(key) ?? row.sequence, row.sequence));
  }
  return heads;
};

const toPending = (row: OutboxRow, heads: ReadonlyMap<string, number>): PendingMessage => {
  const { addedAt: _, lastError: __, publishedAt: ___, setAsideReason: ____, ...message } = row;
  return { ...message, headSequence: heads.get(sourceKey(row)) ?? row.sequence };
};
