import type { Knex } from 'knex';
import { sqliteDialect } from './dialects/sqlite.ts';
import { type MigrationStatus, migrateDown, migrateUp, migrationStatus } from './migrations.ts';
import { openWriter, type SqliteFile } from './sqliteConnection.ts';

/**
 * Migrations of one SQLite file, for operators; a service that starts applies what is pending by itself. Each call
 * opens the file, creating it when it is missing, and closes it again. Rejects with `StoreUnavailable` or
 * `DatabaseTooNew`.
 */
export const sqliteMigrations = (options: Omit<SqliteFile, 'driver' | 'busyTimeoutMs'>) => {
  const withWriter = async <T>(work: (knex: Knex) => Promise<T>): Promise<T> => {
    const knex = openWriter({ ...options, driver: 'sqlite3', busyTimeoutMs: 5_000 });
    try {
      return await work(knex);
    } catch (failure) {
      throw sqliteDialect.translate(failure);
    } finally {
      await knex.destroy();
    }
  };
  return {
    status: (): Promise<MigrationStatus> => withWriter(migrationStatus),
    up: (): Promise<readonly string[]> => withWriter(migrateUp),
    /** Destroys the data of the migrations that it takes back. */
    down: (count: number | 'all'): Promise<readonly string[]> =>
      withWriter((knex) => migrateDown(knex, count)),
  };
};
