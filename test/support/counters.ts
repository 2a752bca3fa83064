import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { snapshotSchemas } from '../../src/app/commands/snapshots.ts';
import { WritePipeline } from '../../src/app/commands/WritePipeline.ts';
import type { Session, Work, WriteModel } from '../../src/app/commands/work.ts';
import { accept, type DomainEvent } from '../../src/domain/shared/decider.ts';
import type { Stores } from '../../src/ports/stores.ts';
import type { Transaction } from '../../src/ports/unitOfWork.ts';

export const at = '2026-01-01T00:00:00.000Z';
const cause = { tenant: 'default', correlationId: 'c-1', causationId: 'c-0', traceparent: null };

export type Counted = DomainEvent<'Counted' | 'Whispered', { readonly by: number }>;
type Count = { readonly type: Counted['type']; readonly by: number };

/** Counts. What is whispered counts too, but nobody else hears of it. */
export const counter = (schema = 1): WriteModel<Count, Counted, number> => ({
  aggregate: {
    category: 'counters',
    decider: {
      initial: 0,
      decide: ({ type, by }) => accept<Counted>({ type, at, data: { by } }),
      evolve: (sum, { data }) => sum + data.by,
    },
    schemaVersion: () => 1,
    upcast: ({ type, data }) => ({ type, at, data }) as Counted,
    isPublic: (type) => type === 'Counted',
    toPublic: (_event, sum, _id, version) => ({ name: 'counter.counted', data: { sum, version } }),
  },
  snapshots: {
    every: 10,
    schema,
    encode: (sum) => ({ sum }),
    decode: (encoded) => (encoded as { sum: number }).sum,
  },
});

export const pipelineOn = (stores: Stores, schema = 1): WritePipeline =>
  new WritePipeline({
    unitOfWork: stores.unitOfWork,
    snapshotSchemas: snapshotSchemas([counter(schema)]),
    clock: systemClock,
    ids: uuidV7Ids,
    logger: silentLogger,
    capacity: 1000,
    maxBatch: 100,
    onCommitted: () => {},
  });

export const counterWork = (run: (session: Session) => void, id = 'a'): Work<void> => ({
  cause,
  streams: [`counters/${id}`],
  run,
});

export const count = (type: Counted['type'], by = 1, schema = 1, id = 'a'): Work<void> =>
  counterWork((session) => {
    session.execute(counter(schema), id, { type, by });
  }, id);

/** The stores, whose units of work get a transaction that is changed as told. */
export const withTransactions = (stores: Stores, change: (tx: Transaction) => Transaction): Stores => ({
  ...stores,
  unitOfWork: {
    transact: (run) => stores.unitOfWork.transact((tx) => run(change(tx))),
    close: stores.unitOfWork.close,
  },
});

/** The stores, with every event counted that is read inside of transactions. */
export const countingReads = (stores: Stores) => {
  let read = 0;
  const counting = withTransactions(stores, (tx) => ({
    ...tx,
    events: {
      ...tx.events,
      readStreams: async (parts) => {
        const events = await tx.events.readStreams(parts);
        read += events.length;
        return events;
      },
    },
  }));
  return { stores: counting, read: () => read };
};
