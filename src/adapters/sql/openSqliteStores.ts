import { statSync } from 'node:fs';
import type { Knex } from 'knex';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Stores } from '../../ports/stores.ts';
import type { Transaction } from '../../ports/unitOfWork.ts';
import { StoreUnavailable } from '../../ports/unitOfWork.ts';
import type { Session } from './dialect.ts';
import { sqliteDialect } from './dialects/sqlite.ts';
import { MigrationsPending, migrateUp, migrationStatus } from './migrations.ts';
import { SqlConnection, SqlReadPool } from './SqlConnection.ts';
import { SqliteCheckpoints } from './SqliteCheckpoints.ts';
import { SqliteKeyIndex } from './SqliteKeyIndex.ts';
import { SqlWriter } from './SqlWriter.ts';
import { createActionReader, createActionRecorder } from './sqlAdminActions.ts';
import { createCallbackCleaner, createCallbackInbox, createCallbackReader } from './sqlCallbacks.ts';
import { createDeadLetterDesk, createDeadLetterTaker } from './sqlDeadLetters.ts';
import { createEventAppender, createEventReader } from './sqlEventStore.ts';
import { createInboxCleaner, createInboxGate, createInboxReader } from './sqlInbox.ts';
import {
  isMemory,
  openCheckpointer,
  openReaders,
  openWriter,
  readerCount,
  type SqliteDriver,
} from './sqliteConnection.ts';
import { createIdempotencyCleaner, createIdempotencyKeeper } from './sqliteIdempotency.ts';
import { createMessageTrace } from './sqlMessageTrace.ts';
import { createOrderViewReader } from './sqlOrderViewReader.ts';
import { createOrderViewWriter } from './sqlOrderViewWriter.ts';
import { createOutbox } from './sqlOutbox.ts';
import { createOutboxWriter } from './sqlOutboxWriter.ts';
import { createPartitionLeases } from './sqlPartitionLeases.ts';
import { createProcessRegister } from './sqlProcesses.ts';
import { createRelaySwitchKeeper, createRelaySwitchReader } from './sqlRelaySwitch.ts';
import { createReplayCleaner, createReplayKeeper, createReplayReader } from './sqlReplays.ts';
import { createSnapshotKeeper, createSnapshotReader } from './sqlSnapshots.ts';
import type { TransactionSession } from './TransactionSession.ts';

export interface SqliteStoresOptions {
  /** A path, or `:memory:`, which lives as long as the stores and reads between two transactions. */
  readonly file: string;
  readonly driver?: SqliteDriver;
  /** Make the file's directory when it is missing; otherwise that is refused. */
  readonly createDirectory?: boolean;
  /** `up` applies pending migrations; `check` refuses a database that lacks some with `MigrationsPending`. */
  readonly migrate: 'up' | 'check';
  /** How long a writer waits for the writer of another process; then it is `StoreUnavailable`. */
  readonly busyTimeoutMs?: number;
  /** How many idempotency keys are gathered in memory before the index on disk takes them in. */
  readonly keysPerIndexRound?: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Rejects with `StoreUnavailable`, `DatabaseTooNew` or `MigrationsPending`, whose messages say what to do. */
export const openSqliteStores = async (options: SqliteStoresOptions): Promise<Stores> => {
  const file = { driver: 'sqlite3', createDirectory: false, busyTimeoutMs: 5_000, ...options } as const;
  const dialect = sqliteDialect;
  const knex = openWriter(file);
  try {
    await prepare(knex, options.migrate);
  } catch (failure) {
    await knex.destroy();
    throw dialect.translate(failure);
  }
  const checkpoints = isMemory(file.file)
    ? undefined
    : new SqliteCheckpoints(openCheckpointer(file), options.clock, options.logger);
  const nudge = (): void => checkpoints?.nudge();
  const writer = new SqlWriter(new SqlConnection(knex, dialect), dialect, nudge, file.busyTimeoutMs);
  const readers = isMemory(file.file) ? undefined : new SqlReadPool(openReaders(file), dialect, readerCount);
  const read: Session = readers ?? { query: (sql, bindings) => writer.read(sql, bindings) };
  const close = async (): Promise<void> => {
    await readers?.close();
    await checkpoints?.close();
    await writer.close();
  };
  const index = new SqliteKeyIndex(writer, options.logger, options.keysPerIndexRound ?? 32_768);
  const requireSameFile = isMemory(file.file) ? () => undefined : sameFileGuard(file.file);
  const storesOf = (session: TransactionSession): Transaction => ({
    events: createEventAppender(session, dialect, writer.memory),
    snapshots: createSnapshotKeeper(session, dialect),
    outbox: createOutboxWriter(session, dialect, options.clock),
    idempotency: createIdempotencyKeeper(session, dialect, index),
    inbox: createInboxGate(session, dialect, writer.memory),
    orderViews: createOrderViewWriter(session, dialect),
    deadLetters: createDeadLetterTaker(session, dialect),
    replays: createReplayKeeper(session, dialect),
    relaySwitch: createRelaySwitchKeeper(session, dialect),
    actions: createActionRecorder(session, dialect),
    callbacks: createCallbackInbox(session, dialect),
  });
  return {
    unitOfWork: {
      transact: async (work) => {
        requireSameFile();
        return writer.write((session) => work(storesOf(session)));
      },
      close,
    },
    events: createEventReader(read, dialect),
    snapshots: createSnapshotReader(read, dialect),
    outbox: createOutbox(read, writer, dialect),
    leases: createPartitionLeases(writer, dialect),
    idempotencyCleaner: createIdempotencyCleaner(writer, dialect),
    inbox: createInboxReader(read),
    inboxCleaner: createInboxCleaner(writer, dialect),
    deadLetters: createDeadLetterDesk(read, writer, dialect),
    processes: createProcessRegister(read, writer, dialect),
    replays: createReplayReader(read),
    replayCleaner: createReplayCleaner(writer, dialect),
    relaySwitch: createRelaySwitchReader(read),
    actions: createActionReader(read),
    callbacks: createCallbackReader(read),
    callbackCleaner: createCallbackCleaner(writer, dialect),
    orderViews: createOrderViewReader(read, dialect),
    trace: createMessageTrace(read, dialect),
    ping: async () => {
      requireSameFile();
      await read.query('select 1');
    },
    close,
  };
};

const prepare = async (knex: Knex, migrate: 'up' | 'check'): Promise<void> => {
  const { pending } = await migrationStatus(knex);
  if (pending.length === 0) return;
  if (migrate === 'check') throw new MigrationsPending(pending);
  await migrateUp(knex);
};

/**
 * An open file can be written to after it was deleted or replaced, and everything written then is lost with the
 * process. Looking costs some microseconds.
 */
const sameFileGuard = (file: string): (() => void) => {
  const { ino, dev } = statSync(file);
  return () => {
    const now = statSync(file, { throwIfNoEntry: false });
    if (now?.ino === ino && now.dev === dev) return;
    throw new StoreUnavailable(
      `the database ${file} was deleted or replaced while it was in use; start again`,
    );
  };
};
