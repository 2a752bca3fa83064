import { dirname, resolve } from 'node:path';
import { openSqliteStores } from '../../adapters/sql/openSqliteStores.ts';
import { lockDatabaseFile, type ProcessLock } from '../../adapters/sql/processLock.ts';
import { isMemory, requireWritable } from '../../adapters/sql/sqliteConnection.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Stores } from '../../ports/stores.ts';
import { StoreUnavailable } from '../../ports/unitOfWork.ts';
import type { Config, DatabaseConfig } from '../config.ts';

/** The directory of the default database is made when it is missing; any other must be there. */
const ownDirectory = resolve('data');

export const mayCreateDirectory = (file: string): boolean => dirname(resolve(file)) === ownDirectory;

/** Opens a database, migrated to what this program needs. */
export const openStores = (database: DatabaseConfig, clock: Clock, logger: Logger): Promise<Stores> =>
  naming(database.file, () =>
    openSqliteStores({
      file: database.file,
      createDirectory: mayCreateDirectory(database.file),
      migrate: 'up',
      clock,
      logger,
    }),
  );

/**
 * Says how this process uses the database file: alone with the in-memory broker, else together with others. A
 * database in memory is nobody else's anyway.
 */
export const lockStores = async (
  database: DatabaseConfig,
  { broker }: Pick<Config, 'broker'>,
): Promise<ProcessLock> => {
  if (isMemory(database.file)) return { release: async () => {} };
  // A file that cannot be used at all says so by its own name, not by that of the lock beside it.
  requireWritable(database.file, mayCreateDirectory(database.file));
  const mode = broker.kind === 'memory' ? 'exclusive' : 'shared';
  return naming(`${database.file}.lock`, () => lockDatabaseFile(database.file, mode));
};

/** Adds the path to what the database itself complained about. */
export const naming = async <T>(file: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    const path = resolve(file);
    if (!(error instanceof StoreUnavailable) || error.message.includes(path)) throw error;
    throw new StoreUnavailable(`The database ${path} cannot be used: ${error.message}.`, { cause: error });
  }
};
