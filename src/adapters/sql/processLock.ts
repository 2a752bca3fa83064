import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import knex from 'knex';
import { StoreUnavailable } from '../../ports/unitOfWork.ts';
import { sqliteDialect } from './dialects/sqlite.ts';

/** Another process uses the database file in a way that does not go together with what was asked for. */
export class DatabaseInUse extends Error {
  constructor(file: string, options?: ErrorOptions) {
    super(`another process is using ${file}`, options);
    this.name = 'DatabaseInUse';
  }
}

export interface ProcessLock {
  /** Gives the lock back. The operating system does so too when the process dies, however it dies. */
  release(): Promise<void>;
}

/**
 * Says for how long this process lives how it uses the SQLite file: `shared` with others, or `exclusive`, as the
 * in-memory broker must, which nobody outside of its process can see. The lock is SQLite's own, on a small file
 * beside the database (`<file>.lock`, links followed), so the database itself stays free for readers and tools. Throws
 * `DatabaseInUse`, or `StoreUnavailable` when the lock's file cannot be used.
 */
export const lockDatabaseFile = async (file: string, mode: 'shared' | 'exclusive'): Promise<ProcessLock> => {
  const lock = knex({
    client: 'sqlite3',
    connection: { filename: `${oneNameOf(file)}.lock` },
    useNullAsDefault: true,
    // What knex would print is thrown as well.
    log: { warn: () => undefined, error: () => undefined },
    pool: { min: 1, max: 1, idleTimeoutMillis: 2 ** 31 - 1 },
  });
  try {
    // In rollback-journal mode an open read holds SQLite's SHARED lock, and BEGIN EXCLUSIVE admits nobody else.
    await lock.raw('PRAGMA busy_timeout = 0');
    await lock.raw('PRAGMA journal_mode = DELETE');
    await lock.raw(mode === 'exclusive' ? 'BEGIN EXCLUSIVE' : 'BEGIN');
    if (mode === 'shared') await lock.raw('SELECT count(*) FROM sqlite_schema');
  } catch (error) {
    await lock.destroy();
    if (isBusy(error)) throw new DatabaseInUse(file, { cause: error });
    throw sqliteDialect.translate(error);
  }
  return { release: () => lock.destroy() };
};

/** The same for everybody who means the same file, or else two locks would stand for one database. */
const oneNameOf = (file: string): string => {
  if (!existsSync(file))
    return existsSync(dirname(file)) ? join(realpathSync(dirname(file)), basename(file)) : file;
  if (statSync(file).nlink > 1) {
    throw new StoreUnavailable(
      `the database ${file} has more than one name (hard links), which corrupts SQLite databases; keep one of them`,
    );
  }
  return realpathSync(file);
};

const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY';
