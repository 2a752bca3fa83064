import type { Clock } from '../../ports/clock.ts';
import type { CommandResult } from '../../ports/commands.ts';
import type { StreamKey } from '../../ports/eventStore.ts';
import {
  type IdempotencyKey,
  type IdempotencyRecord,
  idempotencyKeyText,
} from '../../ports/idempotencyStore.ts';
import type { Ids } from '../../ports/ids.ts';
import { type Transaction, TransactionConflict, type UnitOfWork } from '../../ports/unitOfWork.ts';
import { BatchSession } from './BatchSession.ts';
import type { RecentStreams } from './RecentStreams.ts';
import { readStored } from './storedStreams.ts';
import type { Participant, Work } from './work.ts';

export interface CommitOptions {
  readonly unitOfWork: UnitOfWork;
  readonly clock: Clock;
  readonly ids: Ids;
  /** The streams of these categories are read from their snapshots on, those of the given schema. */
  readonly snapshotSchemas?: ReadonlyMap<string, number>;
}

/** How an item ended, known once its batch is committed. */
export type Settlement = { readonly result: CommandResult<unknown> } | { readonly error: unknown };

/**
 * One transaction for a whole batch: reads what its items need, decides them in order, and writes what they decided.
 * An item that throws or is refused leaves no trace in it. Rejects as `UnitOfWork.transact` does: nothing of the batch
 * was written then, unless it is `CommitUnknown`.
 */
export const commitBatch = async (
  options: CommitOptions,
  recent: RecentStreams,
  batch: readonly Work<unknown>[],
): Promise<{ readonly settlements: readonly Settlement[]; readonly wroteMessages: boolean }> => {
  const { ids, snapshotSchemas, clock, unitOfWork } = options;
  const { session, settlements, wroteMessages } = await unitOfWork.transact(async (tx) => {
    const session = new BatchSession(ids);
    const [stored, known, books] = await Promise.all([
      readStored(tx, neededStreams(batch), recent, snapshotSchemas),
      findKnown(tx, batch),
      openBooks(tx, batch),
    ]);
    session.add(stored);
    const further = furtherStreams(batch, session);
    if (further.length > 0) session.add(await readStored(tx, further, recent, snapshotSchemas));
    const { settlements, records } = decideAll(batch, session, known, books, clock);
    await write(tx, session, records);
    for (const [participant, book] of books) await participant.end(tx, book);
    const wroteMessages = session.messages.length > 0 || books.size > 0;
    return { session, settlements, wroteMessages };
  });
  for (const [key, stream] of session.used()) recent.keep(key, stream);
  return { settlements, wroteMessages };
};

/** Everything is decided here, in arrival order, without a single wait. */
const decideAll = (
  batch: readonly Work<unknown>[],
  session: BatchSession,
  known: Map<string, IdempotencyRecord>,
  books: Books,
  clock: Clock,
) => {
  const records: IdempotencyRecord[] = [];
  const settlements = batch.map((work): Settlement => {
    const { repeatable, cause } = work;
    const key = repeatable && { tenant: cause.tenant, caller: repeatable.caller, key: repeatable.key };
    const first = key && known.get(idempotencyKeyText(key));
    if (first !== undefined) return { result: repeated(first, repeatable?.fingerprint) };
    try {
      const { returned, wrote } = session.runItem(cause, (item) => {
        const outcome = work.run(item, work.part && books.get(work.part.participant));
        return { outcome, answer: repeatable?.remember(outcome) ?? null };
      });
      const { outcome, answer } = returned;
      if (key !== undefined && repeatable !== undefined && answer !== null) {
        const { fingerprint } = repeatable;
        const record = { ...key, fingerprint, answer, wrote, createdAt: clock.now() };
        known.set(idempotencyKeyText(key), record);
        records.push(record);
      }
      return { result: { kind: 'done', outcome, wrote } };
    } catch (error) {
      return { error };
    }
  });
  return { settlements, records };
};

const findKnown = async (tx: Transaction, batch: readonly Work<unknown>[]) => {
  const keys = new Map<string, IdempotencyKey>();
  for (const { repeatable, cause } of batch) {
    if (repeatable === undefined) continue;
    const key = { tenant: cause.tenant, caller: repeatable.caller, key: repeatable.key };
    keys.set(idempotencyKeyText(key), key);
  }
  const records = keys.size === 0 ? [] : await tx.idempotency.find([...keys.values()]);
  return new Map(records.map((record) => [idempotencyKeyText(record), record]));
};

type Books = ReadonlyMap<Participant<unknown, unknown>, unknown>;

const openBooks = async (tx: Transaction, batch: readonly Work<unknown>[]): Promise<Books> => {
  const parts = batch.flatMap(({ part }) => (part === undefined ? [] : [part]));
  const books = new Map<Participant<unknown, unknown>, unknown>();
  for (const [participant, items] of Map.groupBy(parts, (part) => part.participant)) {
    books.set(
      participant,
      await participant.begin(
        tx,
        items.map(({ item }) => item),
      ),
    );
  }
  return books;
};

const neededStreams = (batch: readonly Work<unknown>[]): readonly StreamKey[] =>
  batch.flatMap(({ streams, cause: { tenant } }) => streams.map((stream) => ({ tenant, stream })));

/** What only the streams that were read can tell. Whatever fails here fails again, and is told, when the work runs. */
const furtherStreams = (batch: readonly Work<unknown>[], session: BatchSession): readonly StreamKey[] =>
  batch.flatMap(({ cause, furtherStreams: ask }) => {
    if (ask === undefined) return [];
    try {
      const { returned } = session.runItem(cause, ask);
      return returned.map((stream) => ({ tenant: cause.tenant, stream })).filter((key) => !session.has(key));
    } catch {
      return [];
    }
  });

const write = async (tx: Transaction, session: BatchSession, records: readonly IdempotencyRecord[]) => {
  const { appends, messages, snapshots } = session;
  if (appends.length > 0) {
    const appended = await tx.events.append(appends);
    if (!appended.ok) throw new TransactionConflict();
    session.appended(appended.firstPositions);
    const { views } = session;
    if (views.length > 0) await tx.orderViews.save(views);
    if (snapshots.length > 0) await tx.snapshots.save(snapshots);
  }
  if (messages.length > 0) await tx.outbox.add(messages);
  if (records.length > 0) await tx.idempotency.save(records);
};

const repeated = (first: IdempotencyRecord, fingerprint: string | undefined): CommandResult<unknown> =>
  first.fingerprint === fingerprint
    ? { kind: 'replayed', answer: first.answer, wrote: first.wrote }
    : { kind: 'key_reused' };
