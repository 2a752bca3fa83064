import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { openSqliteStores } from '../../adapters/sql/openSqliteStores.ts';
import { lockDatabaseFile } from '../../adapters/sql/processLock.ts';
import { isMemory } from '../../adapters/sql/sqliteConnection.ts';
import { sqliteMigrations } from '../../adapters/sql/sqliteMigrations.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Stores } from '../../ports/stores.ts';
import { type Config, ConfigError, contexts } from '../config.ts';
import { distinctDatabases } from './homes.ts';
import { mayCreateDirectory, naming } from './openStores.ts';

/** What an operator is told who looks into a database that nobody has made yet. */
export class DatabaseMissing extends Error {
  constructor(file: string) {
    super(
      `There is no database at ${resolve(file)} yet. "orderflow migrate up" creates it, and so does starting the ` +
        'service; or set DATABASE_URL to the one you mean.',
    );
    this.name = 'DatabaseMissing';
  }
}

/**
 * Opens the configured database as it is, beside whoever else uses it: takes no lock, creates nothing, migrates
 * nothing. Rejects with `DatabaseMissing` too.
 */
export const openExistingStores = async (
  { database }: Pick<Config, 'database'>,
  clock: Clock,
  logger: Logger,
): Promise<Stores> => {
  refuseMemory(database.file);
  if (!existsSync(database.file)) throw new DatabaseMissing(database.file);
  return naming(database.file, () =>
    openSqliteStores({ file: database.file, migrate: 'check', clock, logger }),
  );
};

/** As `openExistingStores`, for the databases of all contexts, each once. */
export const openEveryDatabase = async (
  config: Config,
  clock: Clock,
  logger: Logger,
): Promise<readonly Stores[]> => {
  const opened: Stores[] = [];
  try {
    for (const database of distinctDatabases(config, contexts))
      opened.push(await openExistingStores({ database }, clock, logger));
  } catch (error) {
    for (const stores of opened) await stores.close();
    throw error;
  }
  return opened;
};

/** The migrations of the configured database, beside whoever else uses it. */
export const databaseMigrations = ({ database }: Config, logger: Logger) => {
  const { file } = database;
  refuseMemory(file);
  const migrations = sqliteMigrations({ file, createDirectory: mayCreateDirectory(file), logger });
  const none = sqliteMigrations({ file: ':memory:', createDirectory: false, logger });
  const exists = existsSync(file);
  return {
    /** For people. */
    database: resolve(file),
    exists,
    status: () => naming(file, exists ? migrations.status : none.status),
    up: () => naming(file, migrations.up),
    /**
     * Takes the database for itself, because tables that vanish under a running service take its memory of them
     * along. Rejects with `DatabaseInUse` while a service runs on it, and with `DatabaseMissing`.
     */
    down: async (count: number | 'all'): Promise<readonly string[]> => {
      if (!exists) throw new DatabaseMissing(file);
      const lock = await lockDatabaseFile(file, 'exclusive');
      try {
        return await naming(file, () => migrations.down(count));
      } finally {
        await lock.release();
      }
    },
  };
};

const refuseMemory = (file: string): void => {
  if (!isMemory(file)) return;
  throw new ConfigError([
    'DATABASE_URL names a database in memory, which only the process that runs it can see: name a file',
  ]);
};
