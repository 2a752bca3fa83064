import { styleText } from 'node:util';
import { Command, Option } from 'commander';
import { stockDocument } from '../../domain/inventory/stock.ts';
import type { Stores } from '../../ports/stores.ts';
import { readState } from '../commands/readState.ts';
import { databaseOf } from '../config.ts';
import { stockModel } from '../inventory/inventoryModels.ts';
import type { CliContext } from './CliContext.ts';
import { CliError } from './CliError.ts';
import { count, countOf, duration } from './quantities.ts';
import { renderTable } from './renderTable.ts';
import { startProgress } from './startProgress.ts';
import { type ExaminedFile, examineCounts } from './stock/examineCounts.ts';
import type { CountFormat } from './stock/readCounts.ts';
import { type ImportSummary, runImport } from './stock/runImport.ts';
import { stopOnSignal } from './stopOnSignal.ts';
import { withStores } from './withStores.ts';

/** `orderflow stock import|show` */
export const stockCommand = (context: CliContext): Command =>
  new Command('stock')
    .usage('import|show')
    .description('Set and look at what is on hand.')
    .addCommand(importCommand(context))
    .addCommand(showCommand(context));

interface ImportFlags {
  readonly format?: CountFormat;
  readonly dryRun?: true;
  readonly skipInvalid?: true;
  readonly again?: true;
  readonly json?: true;
}

const importCommand = ({ config, outcome }: CliContext): Command =>
  new Command('import')
    .description('Set the counts of a whole catalogue from a CSV or NDJSON file.')
    .argument('<file>')
    .addOption(
      new Option('--format <format>', 'by default from the name of the file').choices(['csv', 'ndjson']),
    )
    .option('--dry-run', 'only read the file and say what is wrong with it')
    .option('--skip-invalid', 'set what can be set although some lines are wrong')
    .option('--again', 'set all counts anew, also those that an earlier run of this file has set')
    .option('--json', 'print { finished, lines, set, changed, resumed, invalid, problems, seconds }')
    .addHelpText(
      'after',
      `
CSV has a first line that names the columns sku and onHand; others are not looked at. NDJSON has a line such as
{"sku":"tea-100","onHand":12} for each SKU. The whole file is read first, and when a line is wrong nothing is set.

Works on the database itself, beside a service that runs. It may be stopped at any time: run it again, and it goes on
where it was. What was set is remembered by the content of the file for IDEMPOTENCY_TTL_HOURS (24 by default), so that
no count is set a second time after orders have been shipped; a changed file is another file.

Examples:
  $ orderflow stock import counts.csv --dry-run
  $ orderflow stock import counts.csv
  $ orderflow stock import counts.ndjson --skip-invalid --json`,
    )
    .action(async (file: string, flags: ImportFlags) => {
      const started = performance.now();
      const format = flags.format ?? (/\.(ndjson|jsonl)$/i.test(file) ? 'ndjson' : 'csv');
      const examined = await examineCounts(file, format);
      if (examined.lines === 0) throw new CliError(`${file} has no counts.`, 1);
      const refused = examined.invalid > 0 && flags.skipInvalid !== true;
      const summary =
        flags.dryRun === true || refused
          ? null
          : await importShowingProgress(config, file, format, examined, flags);
      const seconds = Math.round(performance.now() - started) / 1000;
      if (!flags.json) process.stderr.write(describeProblems(examined));
      process.stdout.write(
        flags.json
          ? `${JSON.stringify(asJson(examined, summary, seconds))}\n`
          : describe(examined, summary, seconds),
      );
      if (refused || summary?.finished === false) outcome.exitCode = 1;
    });

const importShowingProgress = async (
  config: CliContext['config'],
  file: string,
  format: CountFormat,
  examined: ExaminedFile,
  { again = false }: { readonly again?: boolean },
): Promise<ImportSummary> => {
  const stop = stopOnSignal();
  const progress = startProgress({ label: 'importing', total: examined.lines, unit: 'lines' });
  try {
    return await withInventory(config, (stores) =>
      runImport(stores, { file, format, examined, again, signal: stop.signal, onProgress: progress.update }),
    );
  } finally {
    progress.stop();
    stop.release();
  }
};

const asJson = (
  { lines, invalid, problems }: ExaminedFile,
  summary: ImportSummary | null,
  seconds: number,
) => {
  const { finished, set, changed, resumed } = summary ?? { finished: false, set: 0, changed: 0, resumed: 0 };
  return { finished, lines, set, changed, resumed, invalid, problems, seconds };
};

const shownProblems = 20;

const describeProblems = ({ invalid, problems }: ExaminedFile): string => {
  const shown = problems
    .slice(0, shownProblems)
    .map(({ line, problem }) => `line ${count(line)}: ${problem}\n`);
  const more = invalid - shown.length;
  return shown.join('') + (more > 0 ? `and ${countOf(more, 'more wrong line')}\n` : '');
};

const describe = (
  { lines, invalid }: ExaminedFile,
  summary: ImportSummary | null,
  seconds: number,
): string => {
  const wrong = invalid === 0 ? '' : `, ${countOf(invalid, 'wrong line')} left out`;
  if (summary === null) {
    return invalid === 0
      ? `${styleText('green', 'Fine')}: ${countOf(lines, 'count')}. Nothing was set.\n`
      : `${styleText('red', 'Nothing was set')}: ${count(invalid)} of ${countOf(lines, 'line')} are wrong. Mend them, or leave them out with --skip-invalid.\n`;
  }
  const { finished, set, changed, resumed } = summary;
  if (finished && resumed > 0 && resumed === set)
    return `${styleText('yellow', 'Nothing was set')}: an earlier run of this very file has set all of it. To set it anew, whatever happened since: --again.\n`;
  const before = resumed === 0 ? '' : `, ${count(resumed)} by an earlier run`;
  const done = `${countOf(set, 'count')} set (${count(changed)} changed${before})${wrong}`;
  return finished
    ? `${styleText('green', 'Done')}: ${done} in ${duration(seconds)}.\n`
    : `${styleText('yellow', 'Stopped')}: ${done}. Run it again to go on.\n`;
};

const showCommand = ({ config }: CliContext): Command =>
  new Command('show')
    .description('Show how many pieces of a SKU are on hand, reserved and available.')
    .argument('<sku>')
    .option('--json', 'print { sku, onHand, reserved, available }')
    .addHelpText('after', '\nExamples:\n  $ orderflow stock show tea-100')
    .action(async (sku: string, { json }: { readonly json?: true }) => {
      const { state } = await withInventory(config, (stores) =>
        readState(stockModel, stores, 'default', sku),
      );
      if (state === null) {
        const orders =
          config().unknownStock === 'accept' ? 'are not limited' : 'are cancelled as out of stock';
        throw new CliError(`${sku} was never counted: orders for it ${orders}.`, 1);
      }
      const document = stockDocument(sku, state);
      process.stdout.write(json ? `${JSON.stringify(document)}\n` : table(document));
    });

const table = ({ sku, onHand, reserved, available }: ReturnType<typeof stockDocument>): string => {
  const number = (title: string) => ({ title, align: 'right' as const });
  const columns = [{ title: 'SKU' }, number('On hand'), number('Reserved'), number('Available')];
  return renderTable({ columns, rows: [[sku, count(onHand), count(reserved), count(available)]] });
};

const withInventory = <T>(config: CliContext['config'], work: (stores: Stores) => Promise<T>): Promise<T> => {
  const configured = config();
  return withStores({ ...configured, database: databaseOf(configured, 'inventory') }, work);
};
