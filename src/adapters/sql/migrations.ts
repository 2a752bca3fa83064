import type { Knex } from 'knex';
import * as stores from '../../../migrations/0001_stores.ts';
import * as deadLetters from '../../../migrations/0002_dead_letters.ts';
import * as snapshots from '../../../migrations/0003_snapshots.ts';
import * as operations from '../../../migrations/0004_operations.ts';
import * as callbacks from '../../../migrations/0006_callbacks.ts';
import * as consumerProcesses from '../../../migrations/0007_consumer_processes.ts';
import * as deadLettersBySource from '../../../migrations/0008_dead_letters_by_source.ts';
import * as unredrivableLetters from '../../../migrations/0009_unredrivable_letters.ts';
import * as endedJobs from '../../../migrations/0010_ended_jobs.ts';

/** Every migration of this program, oldest first. A name never changes: databases remember it. */
const migrations: readonly Migration[] = [
  { name: '0001_stores', ...stores },
  { name: '0002_dead_letters', ...deadLetters },
  { name: '0003_snapshots', ...snapshots },
  { name: '0004_operations', ...operations },
  { name: '0006_callbacks', ...callbacks },
  { name: '0007_consumer_processes', ...consumerProcesses },
  { name: '0008_dead_letters_by_source', ...deadLettersBySource },
  { name: '0009_unredrivable_letters', ...unredrivableLetters },
  { name: '0010_ended_jobs', ...endedJobs },
];

interface Migration {
  readonly name: string;
  readonly up: (knex: Knex) => Promise<void>;
  readonly down: (knex: Knex) => Promise<void>;
}

export interface MigrationStatus {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

/** The database was migrated by a newer program; this one would not understand what it reads. */
export class DatabaseTooNew extends Error {
  constructor(unknown: readonly string[]) {
    super(
      `The database has migrations that this program does not know (${unknown.join(', ')}). ` +
        'Start a program at least as new as the one that last wrote to it.',
    );
    this.name = 'DatabaseTooNew';
  }
}

/** The database lacks tables or columns that this program needs. */
export class MigrationsPending extends Error {
  constructor(pending: readonly string[]) {
    super(`The database lacks the migrations ${pending.join(', ')}. Run "orderflow migrate up" first.`);
    this.name = 'MigrationsPending';
  }
}

/** What was applied and what is to do. Throws `DatabaseTooNew`. Changes nothing. */
export const migrationStatus = async (knex: Knex): Promise<MigrationStatus> => {
  const applied = await appliedNames(knex);
  const known = migrations.map(({ name }) => name);
  const unknown = applied.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new DatabaseTooNew(unknown);
  return { applied, pending: known.filter((name) => !applied.includes(name)) };
};

/** Applies every pending migration and returns their names. All or nothing where the database can. */
export const migrateUp = (knex: Knex): Promise<readonly string[]> =>
  exclusively(knex, async (trx) => {
    const { pending } = await migrationStatus(trx);
    if (pending.length > 0) await trx.migrate.latest(config);
    return pending;
  });

/** Takes back the newest `count` migrations, or `all`, with the data they hold; returns their names. */
export const migrateDown = (knex: Knex, count: number | 'all'): Promise<readonly string[]> =>
  exclusively(knex, async (trx) => {
    const { applied } = await migrationStatus(trx);
    const names = applied.toReversed().slice(0, count === 'all' ? applied.length : count);
    for (const name of names) await trx.migrate.down({ ...config, name } as Knex.MigratorConfig);
    return names;
  });

const tableName = 'schema_migrations';

const config: Knex.MigratorConfig = {
  tableName,
  migrationSource: {
    getMigrations: async () => [...migrations],
    getMigrationName: (migration: Migration) => migration.name,
    getMigration: async (migration: Migration) => migration,
  },
};

const appliedNames = async (knex: Knex): Promise<readonly string[]> => {
  if (!(await knex.schema.hasTable(tableName))) return [];
  const rows: readonly { readonly name: string }[] = await knex(tableName).select('name').orderBy('id');
  return rows.map(({ name }) => name);
};

/**
 * Runs knex's migrator inside one transaction of our own. Its lock row, which a killed process would leave behind
 * and an operator would have to clear, then vanishes with the transaction; a second process that starts meanwhile
 * waits, and finds the work done. The first statement takes SQLite's write lock: that one waits, later ones fail.
 */
const exclusively = <T>(knex: Knex, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> =>
  knex.transaction(async (trx) => {
    await trx.raw(`pragma application_id = ${applicationId}`);
    return work(trx);
  });

/** "ordf": tells tools such as file(1) whose database this is. */
const applicationId = 0x6f726466;
