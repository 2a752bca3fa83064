import type { Clock } from '../../ports/clock.ts';
import { type RecordedEvent, type StreamKey, streamKeyText } from '../../ports/eventStore.ts';
import type { OrderViewRow } from '../../ports/orderViews.ts';
import type { Stores } from '../../ports/stores.ts';
import { TransactionConflict } from '../../ports/unitOfWork.ts';
import { foldOrder } from './orderHistory.ts';
import { orderStream, orderView } from './orderModel.ts';

export interface RebuildParts {
  readonly stores: Pick<Stores, 'events' | 'unitOfWork'>;
  readonly clock: Clock;
}

export interface RebuildOptions {
  /** Stops after the batch under way: what was put right until then stays so. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RebuildProgress) => void;
  /** Events looked at, and orders put right, in one transaction at most. */
  readonly pageSize?: number;
}

export interface RebuildProgress {
  /** How far the log was read: from 0 to `until`. */
  readonly position: number;
  /** The newest event at the start. Whatever is written later has right views already. */
  readonly until: number;
  /** Events read. */
  readonly events: number;
  /** Orders whose views were compared with the fold of their events. */
  readonly orders: number;
  /** Rows that were missing, wrong or too many. */
  readonly repaired: number;
}

export type RebuildSummary = RebuildProgress & { readonly finished: boolean };

/**
 * Makes the order list equal to the fold of the log again, while others go on writing. Each stretch of the log is one
 * transaction: its orders, found at their first events, are read whole, folded and stored. It may be stopped or
 * killed at any time and run again; it may also run twice at once. Rejects with `StoreUnavailable` or `CommitUnknown`;
 * then run it again.
 */
export const rebuildOrderViews = async (
  parts: RebuildParts,
  { signal, onProgress = () => {}, pageSize = 500 }: RebuildOptions = {},
): Promise<RebuildSummary> => {
  const { events, unitOfWork } = parts.stores;
  const until = await events.lastPosition();
  let progress: RebuildProgress = { position: 0, until, events: 0, orders: 0, repaired: 0 };
  onProgress(progress);
  // Rows at positions that no event can have belong to the first stretch.
  let after = Number.MIN_SAFE_INTEGER;
  while (progress.position < until) {
    if (signal?.aborted) return { ...progress, finished: false };
    const page = await events.readAll(progress.position, pageSize);
    const read = page.filter(({ position }) => position <= until);
    const upTo = read.at(-1)?.position ?? until;
    const orders = firstEvents(read);
    const repaired = await politely(parts, () => replaceRange(unitOfWork, after, upTo, orders));
    after = upTo;
    progress = {
      position: upTo,
      until,
      events: progress.events + read.length,
      orders: progress.orders + orders.length,
      repaired: progress.repaired + repaired,
    };
    onProgress(progress);
  }
  const orphans = await deleteOrphans(parts, after, pageSize);
  const done = { ...progress, repaired: progress.repaired + orphans };
  onProgress(done);
  return { ...done, finished: true };
};

const prefix = orderStream('');

const firstEvents = (page: readonly RecordedEvent[]): readonly RecordedEvent[] =>
  page.filter(({ version, stream }) => version === 1 && stream.startsWith(prefix));

const replaceRange = (
  unitOfWork: Stores['unitOfWork'],
  after: number,
  upTo: number,
  orders: readonly StreamKey[],
): Promise<number> =>
  unitOfWork.transact(async (tx) => {
    // Read in the transaction that writes: nobody adds an event in between.
    const stored = orders.length === 0 ? [] : await tx.events.readStreams(orders);
    const streams = [...Map.groupBy(stored, streamKeyText).values()];
    return tx.orderViews.replaceRange(after, upTo, streams.map(viewOf));
  });

const viewOf = (history: readonly RecordedEvent[]): OrderViewRow => {
  const [first] = history;
  const last = history.at(-1);
  if (first === undefined || last === undefined) throw new Error('a stream without events has no view');
  const firstPosition = first.position;
  const change = {
    tenant: first.tenant,
    id: first.stream.slice(prefix.length),
    state: foldOrder(history),
    version: last.version,
    firstPosition,
  };
  return { ...orderView(change), firstPosition };
};

/** Behind the last stretch. Everything in front of it was compared with the log row by row. */
const deleteOrphans = async (parts: RebuildParts, after: number, limit: number): Promise<number> => {
  const { unitOfWork } = parts.stores;
  for (let deleted = 0; ; ) {
    const count = await politely(parts, () =>
      unitOfWork.transact((tx) => tx.orderViews.deleteOrphans(limit, after)),
    );
    deleted += count;
    if (count < limit) return deleted;
  }
};

const attempts = 20;
const maxRestMs = 200;

/**
 * Runs a batch, again when another writer was faster, and then leaves the database alone for as long as the batch
 * took: who waits for SQLite's write lock only looks now and then whether it is free, and would hardly ever meet a
 * moment in which it is.
 */
const politely = async <T>({ clock }: RebuildParts, batch: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    const started = clock.now();
    try {
      const result = await batch();
      await clock.sleep(Math.min(maxRestMs, clock.now() - started));
      return result;
    } catch (failure) {
      if (!(failure instanceof TransactionConflict) || attempt === attempts) throw failure;
      await clock.sleep(Math.random() * Math.min(2 ** attempt, maxRestMs));
    }
  }
};
