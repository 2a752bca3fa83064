import { styleText } from 'node:util';
import { Command } from 'commander';
import { DatabaseInUse } from '../../adapters/sql/processLock.ts';
import { silentLogger } from '../../adapters/system/PinoLogger.ts';
import { databaseMigrations } from '../composition/existingDatabase.ts';
import type { CliContext } from './CliContext.ts';
import { CliError } from './CliError.ts';
import { renderTable } from './renderTable.ts';

interface Json {
  readonly json?: true;
}

/** `orderflow migrate up|down|status` */
export const migrateCommand = ({ config }: CliContext): Command => {
  const open = () => databaseMigrations(config(), silentLogger);
  const migrate = new Command('migrate')
    .usage('up|down|status')
    .description('Bring the database to what this program needs, or back.');
  migrate
    .command('up')
    .description('Apply every pending migration; create the database when there is none.')
    .option('--json', 'print the names of what was applied')
    .addHelpText(
      'after',
      `
A service that starts does this by itself. Beside a running service nothing else changes.

Examples:
  $ orderflow migrate up
  $ DATABASE_URL=sqlite:/var/lib/orderflow/orderflow.db orderflow migrate up`,
    )
    .action(async ({ json }: Json) => {
      const migrations = open();
      const applied = await migrations.up();
      if (json) return print(JSON.stringify({ database: migrations.database, applied }));
      if (applied.length === 0) return print(`${migrations.database} is up to date.`);
      for (const name of applied) print(`${styleText('green', 'applied')} ${name}`);
    });
  migrate
    .command('down')
    .description('Take back the newest migration, or all, with the data that they hold.')
    .option('--all', 'take back every migration: nothing is left', false)
    .option('--yes', 'do it: the data is lost for good', false)
    .option('--json', 'print the names of what was taken back')
    .addHelpText(
      'after',
      `
Without --yes it only says what would be lost. Stop the service first.

Examples:
  $ orderflow migrate down              what would be lost
  $ orderflow migrate down --yes        the newest migration
  $ orderflow migrate down --all --yes  everything`,
    )
    .action(async (options: Json & { readonly all: boolean; readonly yes: boolean }) => {
      await down(open(), options);
    });
  migrate
    .command('status')
    .description('List the migrations that are applied, and those that are pending.')
    .option('--json', 'print { database, exists, applied, pending }')
    .addHelpText('after', '\nExamples:\n  $ orderflow migrate status\n  $ orderflow migrate status --json')
    .action(async ({ json }: Json) => {
      const migrations = open();
      const { database, exists } = migrations;
      const { applied, pending } = await migrations.status();
      if (json) return print(JSON.stringify({ database, exists, applied, pending }));
      print(exists ? database : `${database} does not exist yet; "orderflow migrate up" creates it.`);
      const row = (state: string) => (name: string) => [name, state];
      const rows = [...applied.map(row('applied')), ...pending.map(row('pending'))];
      process.stdout.write(renderTable({ columns: [{ title: 'Migration' }, { title: 'State' }], rows }));
    });
  return migrate;
};

const down = async (
  migrations: ReturnType<typeof databaseMigrations>,
  { all, yes, json }: Json & { readonly all: boolean; readonly yes: boolean },
): Promise<void> => {
  const { database } = migrations;
  const { applied } = await migrations.status();
  const doomed = applied.toReversed().slice(0, all ? applied.length : 1);
  if (doomed.length > 0 && !yes) {
    throw new CliError(
      `this would take back ${doomed.join(', ')} of ${database} and destroy the data held there. ` +
        `Repeat with --yes if that is what you want.`,
      2,
    );
  }
  const takenBack = doomed.length === 0 ? [] : await takeBack(migrations, all ? 'all' : 1);
  if (json) return print(JSON.stringify({ database, takenBack }));
  if (takenBack.length === 0) return print(`${database} has no migration to take back.`);
  for (const name of takenBack) print(`${styleText('yellow', 'taken back')} ${name}`);
};

const takeBack = async (
  { database, down }: ReturnType<typeof databaseMigrations>,
  count: number | 'all',
): Promise<readonly string[]> => {
  try {
    return await down(count);
  } catch (error) {
    if (!(error instanceof DatabaseInUse)) throw error;
    throw new CliError(
      `a service is using ${database}. Stop it first: it cannot work without its tables.`,
      1,
    );
  }
};

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
