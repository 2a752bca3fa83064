import { isUtf8 } from 'node:buffer';
import { Command, Option } from 'commander';
import { systemClock } from '../../adapters/system/SystemClock.ts';
import type { PaymentFact } from '../../ports/callbackService.ts';
import { type CallbackRow, type CallbackState, callbackStates } from '../../ports/callbacks.ts';
import type { CliContext } from './CliContext.ts';
import { CliError } from './CliError.ts';
import { duration, wholeNumber } from './quantities.ts';
import { renderTable } from './renderTable.ts';
import { withStores } from './withStores.ts';

const tenant = 'default';

interface ListOptions {
  readonly state?: CallbackState;
  readonly provider?: string;
  readonly limit: number;
  readonly json?: true;
}

/** `orderflow callbacks list|show` */
export const callbacksCommand = (context: CliContext): Command =>
  new Command('callbacks')
    .usage('list|show')
    .description('Look at what payment providers have reported, and what became of it.')
    .addCommand(listCommand(context))
    .addCommand(showCommand(context));

const listCommand = ({ config }: CliContext): Command =>
  new Command('list')
    .description('List callbacks whose signature held, the newest first.')
    .addOption(new Option('--state <state>', 'only those in this state').choices(callbackStates))
    .option('--provider <name>', 'only those of this provider')
    .option('--limit <n>', 'at most so many', wholeNumber(1, 100_000), 50)
    .option('--json', 'print a list of { id, provider, callbackId, state, fact, error, … }')
    .addHelpText(
      'after',
      `
applied    the order has recorded it
parked     there is no such order yet; it is applied when the order appears
invalid    signed, but not understood: its sender was told
ignored    understood, and no concern of ours

Examples:
  $ orderflow callbacks list --state parked
  $ orderflow callbacks list --provider acme --json`,
    )
    .action(async ({ json, ...filters }: ListOptions) => {
      const rows = await withStores(config(), ({ callbacks }) => callbacks.list({ tenant, ...filters }));
      process.stdout.write(json ? `${JSON.stringify(rows.map(summaryOf))}\n` : table(rows));
    });

const showCommand = ({ config }: CliContext): Command =>
  new Command('show')
    .description('Show one callback with the body that was sent, as JSON.')
    .argument('<id>')
    .addHelpText('after', '\nExamples:\n  $ orderflow callbacks show 019c… | jq -r .body')
    .action(async (id: string) => {
      const row = await withStores(config(), ({ callbacks }) => callbacks.get(tenant, id));
      if (row === undefined) throw new CliError(`There is no callback ${id}.`, 1);
      process.stdout.write(`${JSON.stringify({ ...summaryOf(row), ...bodyOf(row) }, null, 2)}\n`);
    });

/** As text where it is text; else the bytes. */
const bodyOf = ({ body }: CallbackRow): object => {
  const bytes = Buffer.from(body, 'base64');
  return isUtf8(bytes) ? { body: bytes.toString('utf8') } : { bodyBase64: body };
};

const factOf = ({ fact }: CallbackRow): PaymentFact | null =>
  fact === null ? null : (JSON.parse(fact) as PaymentFact);

const summaryOf = (row: CallbackRow): object => {
  const { id, provider, callbackId, state, error, receivedAt, appliedAt, correlationId } = row;
  return {
    ...{ id, provider, callbackId, state, fact: factOf(row), error },
    receivedAt: new Date(receivedAt).toISOString(),
    appliedAt: appliedAt === null ? null : new Date(appliedAt).toISOString(),
    correlationId,
  };
};

const table = (rows: readonly CallbackRow[]): string => {
  if (rows.length === 0) return 'There are no such callbacks.\n';
  const now = systemClock.now();
  return renderTable({
    columns: [
      { title: 'Id' },
      { title: 'Provider' },
      { title: 'State' },
      { title: 'Says' },
      { title: 'Order' },
      { title: 'Amount', align: 'right' },
      { title: 'Age' },
      { title: 'Error' },
    ],
    rows: rows.map((row) => {
      const fact = factOf(row);
      return [
        row.id,
        row.provider,
        row.state,
        fact?.type ?? '',
        fact?.orderId ?? '',
        fact === null ? '' : `${fact.amount} ${fact.currency}`,
        duration(Math.max(0, now - row.receivedAt) / 1000),
        row.error ?? '',
      ];
    }),
    lastBelow: true,
  });
};
