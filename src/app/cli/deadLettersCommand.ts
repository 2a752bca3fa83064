import { styleText } from 'node:util';
import { Command } from 'commander';
import { systemClock } from '../../adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../adapters/system/UuidV7Ids.ts';
import type { BrokerMessage } from '../../ports/broker.ts';
import type { DeadLetterService } from '../../ports/deadLetterService.ts';
import type { DeadLetter, DeadLetterSelection, RedriveJob } from '../../ports/deadLetters.ts';
import type { Stores } from '../../ports/stores.ts';
import { deadLetterService } from '../messaging/desk/deadLetterService.ts';
import type { CliContext } from './CliContext.ts';
import { CliError } from './CliError.ts';
import { operator } from './operator.ts';
import { count, countOf, wholeNumber } from './quantities.ts';
import { renderTable } from './renderTable.ts';
import { stallNotice } from './stallNotice.ts';
import { startProgress } from './startProgress.ts';
import { stopOnSignal } from './stopOnSignal.ts';
import { withStores } from './withStores.ts';

const tenant = 'default';
const pollMs = 200;

interface FilterOptions {
  readonly queue?: string;
  readonly reason?: string;
  readonly type?: string;
}

/** `orderflow dead-letters list|show|redrive|discard` */
export const deadLettersCommand = (context: CliContext): Command =>
  new Command('dead-letters')
    .usage('list|show|redrive|discard')
    .description('Look at messages that could not be handled, and send them back or give them up.')
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(redriveCommand(context))
    .addCommand(discardCommand(context));

const filtered = (command: Command): Command =>
  command
    .option('--queue <name>', 'only those of this queue')
    .option(
      '--reason <reason>',
      'only those that died of this: refused, exhausted, crash, rejected, expired, …',
    )
    .option('--type <type>', 'only messages of this type');

const listCommand = ({ config }: CliContext): Command =>
  filtered(new Command('list').description('List dead letters, the newest first.'))
    .option('--limit <n>', 'at most so many', wholeNumber(1, 100_000), 50)
    .option('--json', 'print { letters, count }')
    .addHelpText(
      'after',
      `
Examples:
  $ orderflow dead-letters list
  $ orderflow dead-letters list --queue orderflow.orders --reason exhausted --json`,
    )
    .action(async (options: FilterOptions & { readonly limit: number; readonly json?: true }) => {
      const selection = selectionOf(options);
      const { letters, total } = await withStores(config(), async ({ deadLetters }) => ({
        letters: await deadLetters.list({ tenant, ...selection, limit: options.limit }),
        total: await deadLetters.count(tenant, selection),
      }));
      process.stdout.write(
        options.json
          ? `${JSON.stringify({ letters: letters.map(summaryOf), count: total })}\n`
          : table(letters, total),
      );
    });

const showCommand = ({ config }: CliContext): Command =>
  new Command('show')
    .description('Show one dead letter with its headers and payload, as JSON.')
    .argument('<id>')
    .addHelpText('after', '\nExamples:\n  $ orderflow dead-letters show 019c… | jq .payload')
    .action(async (id: string) => {
      const letter = await withStores(config(), ({ deadLetters }) => deadLetters.get(tenant, id));
      if (letter === undefined) throw new CliError(`There is no dead letter ${id}.`, 1);
      const { headers, payload, contentType } = JSON.parse(letter.message) as BrokerMessage;
      process.stdout.write(
        `${JSON.stringify({ ...summaryOf(letter), contentType, headers, payload }, null, 2)}\n`,
      );
    });

interface RedriveOptions extends FilterOptions {
  readonly all?: true;
  readonly limit?: number;
  readonly rate?: number;
  readonly preview?: true;
  readonly json?: true;
}

const redriveCommand = ({ config, outcome }: CliContext): Command =>
  filtered(
    new Command('redrive').description(
      'Send dead letters back to their queues, with a fresh set of attempts.',
    ),
  )
    .argument('[ids...]', 'these; or else all that match the filters')
    .option('--all', 'all there are, without any filter')
    .option('--limit <n>', 'at most so many, the oldest first', wholeNumber(1, 1_000_000))
    .option('--rate <n>', 'at most so many a second', wholeNumber(1, 100_000))
    .option('--preview', 'only say how many there are')
    .option('--json', 'print the job: { id, state, total, done, skipped }')
    .addHelpText(
      'after',
      `
A service that runs does the work; this command shows how far it is. Stopping it (Ctrl-C) cancels the job: what was sent
already stays sent. What is too large to go through the broker again is skipped, and stays: "show" has its payload, and
"discard" lets what waits behind it go on.

Examples:
  $ orderflow dead-letters redrive 019c… 019d…
  $ orderflow dead-letters redrive --queue orderflow.orders --preview
  $ orderflow dead-letters redrive --reason exhausted --rate 50`,
    )
    .action(async (ids: readonly string[], options: RedriveOptions) => {
      const filters = selectionOf(options);
      if (ids.length === 0 && Object.keys(filters).length === 0 && options.all !== true)
        throw new CliError('Name ids or a filter, or say --all.', 2);
      const selection: DeadLetterSelection = { ...filters, ...(ids.length === 0 ? {} : { ids }) };
      const { limit = null, rate = null, json } = options;
      await withStores(config(), async (stores) => {
        if (options.preview === true) {
          const found = await stores.deadLetters.count(tenant, { ...selection, redrivable: true });
          const skipped = await stores.deadLetters.count(tenant, { ...selection, redrivable: false });
          const total = Math.min(found, limit ?? found);
          process.stdout.write(
            json
              ? `${JSON.stringify({ total, skipped })}\n`
              : `${countOf(total, 'dead letter')} would be redriven.\n${describeSkipped(skipped)}`,
          );
          return;
        }
        const desk = deskOf(stores);
        const job = await desk.redrive(operator(), { selection, limit, ratePerSecond: rate });
        const ended = await follow(desk, job);
        const { id, state, total, done, skipped } = ended;
        process.stdout.write(
          json ? `${JSON.stringify({ id, state, total, done, skipped })}\n` : describe(ended),
        );
        if (state !== 'done') outcome.exitCode = 1;
      });
    });

const discardCommand = ({ config }: CliContext): Command =>
  new Command('discard')
    .description('Give dead letters up: their consumers pass them by, and what waits behind them goes on.')
    .argument('<ids...>')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .option('--json', 'print { discarded }')
    .addHelpText('after', '\nExamples:\n  $ orderflow dead-letters discard 019c… --reason "order was a test"')
    .action(async (ids: readonly string[], { reason, json }: { reason: string; json?: true }) => {
      if (reason.trim() === '') throw new CliError('Say why: --reason must not be empty.', 2);
      const discarded = await withStores(config(), (stores) =>
        deskOf(stores).discard(operator(), ids, reason),
      );
      process.stdout.write(
        json ? `${JSON.stringify({ discarded })}\n` : `${countOf(discarded, 'dead letter')} discarded.\n`,
      );
    });

/** The service that runs finds jobs and messages by itself, in a second or two. */
const deskOf = ({ unitOfWork, deadLetters }: Stores): DeadLetterService =>
  deadLetterService({
    unitOfWork,
    desk: deadLetters,
    clock: systemClock,
    ids: uuidV7Ids,
    onCommitted: () => {},
    onJob: () => {},
  });

const follow = async (desk: DeadLetterService, job: RedriveJob): Promise<RedriveJob> => {
  const stop = stopOnSignal();
  const progress = startProgress({ label: 'redriving', total: job.total, unit: 'messages' });
  let current = job;
  const tellIfStalled = stallNotice();
  try {
    while (current.state === 'running') {
      if (stop.signal.aborted) return (await desk.cancel(operator(), job.id)) ?? current;
      await systemClock.sleep(pollMs, stop.signal);
      current = (await desk.job(tenant, job.id)) ?? current;
      progress.update(current.done);
      tellIfStalled(current.done);
    }
    return current;
  } finally {
    progress.stop();
    stop.release();
  }
};

const describe = ({ id, state, done, skipped }: RedriveJob): string =>
  (state === 'done'
    ? `${styleText('green', 'Done')}: ${countOf(done, 'message')} sent back.\n`
    : `${styleText('yellow', 'Cancelled')} after ${countOf(done, 'message')} (job ${id}).\n`) +
  describeSkipped(skipped);

const describeSkipped = (skipped: number): string =>
  skipped === 0
    ? ''
    : `${countOf(skipped, 'dead letter')} skipped: too large to go through the broker again. "dead-letters show" has ` +
      'the payload, "dead-letters discard" lets what waits behind it go on.\n';

const selectionOf = ({ queue, reason, type }: FilterOptions): DeadLetterSelection => ({
  ...(queue === undefined ? {} : { queue }),
  ...(reason === undefined ? {} : { reason }),
  ...(type === undefined ? {} : { type }),
});

const summaryOf = ({ message: _, tenant: __, firstSeen, lastSeen, ...rest }: DeadLetter) => ({
  ...rest,
  firstSeen: new Date(firstSeen).toISOString(),
  lastSeen: new Date(lastSeen).toISOString(),
});

const table = (letters: readonly DeadLetter[], total: number): string => {
  if (total === 0) return 'There are no dead letters.\n';
  const rows = letters.map(({ id, queue, reason, type, attempts, error }) => [
    id,
    queue,
    reason,
    type.replace(/^orderflow\.|\.v\d+$/g, ''),
    count(attempts),
    error ?? '',
  ]);
  const columns = [
    { title: 'Id' },
    { title: 'Queue' },
    { title: 'Reason' },
    { title: 'Message' },
    { title: 'Attempts', align: 'right' as const },
    { title: 'Error' },
  ];
  const more = total - letters.length;
  return `${renderTable({ columns, rows, lastBelow: true })}${more > 0 ? `and ${count(more)} more; --limit shows them\n` : ''}`;
};
