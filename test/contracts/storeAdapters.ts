import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryState } from '../../src/adapters/memory/memoryState.ts';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import type { SqliteDriver } from '../../src/adapters/sql/sqliteConnection.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import type { Stores } from '../../src/ports/stores.ts';

/** One database under test, empty at first. */
export interface Subject {
  readonly stores: Stores;
  /** Opens the same database once more, as a second process would; undefined where only one can have it. */
  readonly another: (() => Promise<Stores>) | undefined;
  /** Closes everything and removes the database. */
  dispose(): Promise<void>;
}

export interface StoreAdapter {
  readonly name: string;
  /** Why only one process can have the database, and readers wait for a transaction to end; else undefined. */
  readonly alone?: string;
  readonly open: () => Promise<Subject>;
}

const memory = async (): Promise<Subject> => {
  const state = createMemoryState();
  return subject(
    async () => openMemoryStores({ state }),
    true,
    async () => undefined,
  );
};

const sqlite = (driver: SqliteDriver, where: 'file' | 'memory') => async (): Promise<Subject> => {
  const directory = where === 'file' ? await mkdtemp(join(tmpdir(), 'orderflow-stores-')) : undefined;
  const file = directory === undefined ? ':memory:' : join(directory, 'orderflow.db');
  return subject(
    () => openSqliteStores({ file, driver, migrate: 'up', clock: systemClock, logger: silentLogger }),
    directory !== undefined,
    async () => {
      if (directory !== undefined) await rm(directory, { recursive: true, force: true });
    },
  );
};

const subject = async (
  open: () => Promise<Stores>,
  shared: boolean,
  remove: () => Promise<void>,
): Promise<Subject> => {
  const opened: Stores[] = [];
  const openOne = async (): Promise<Stores> => {
    const stores = await open();
    opened.push(stores);
    return stores;
  };
  return {
    stores: await openOne(),
    another: shared ? openOne : undefined,
    dispose: async () => {
      for (const stores of opened) await stores.close();
      await remove();
    },
  };
};

/** Every contract suite runs over each of them. */
export const storeAdapters: readonly StoreAdapter[] = [
  { name: 'in memory', open: memory },
  { name: 'SQLite file, sqlite3', open: sqlite('sqlite3', 'file') },
  { name: 'SQLite file, better-sqlite3', open: sqlite('better-sqlite3', 'file') },
  { name: 'SQLite :memory:, sqlite3', open: sqlite('sqlite3', 'memory'), alone: 'it has one connection' },
];
