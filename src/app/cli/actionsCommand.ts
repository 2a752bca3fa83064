import { Command } from 'commander';
import type { AdminAction } from '../../ports/adminActions.ts';
import type { CliContext } from './CliContext.ts';
import { operator } from './operator.ts';
import { count, wholeNumber } from './quantities.ts';
import { renderTable } from './renderTable.ts';
import { withStores } from './withStores.ts';

/** `orderflow actions list` */
export const actionsCommand = ({ config }: CliContext): Command => {
  const actions = new Command('actions')
    .usage('list')
    .description('Show what operators did, over HTTP and on the command line.');
  actions
    .command('list')
    .description('List who did what and when, the newest first.')
    .option('--limit <n>', 'at most so many', wholeNumber(1, 100_000), 50)
    .option('--json', 'print a list of { id, at, who, what, messages, detail }')
    .addHelpText('after', '\nExamples:\n  $ orderflow actions list\n  $ orderflow actions list --json')
    .action(async ({ json, limit }: { readonly json?: true; readonly limit: number }) => {
      const { tenant } = operator();
      const found = await withStores(config(), (stores) => stores.actions.list({ tenant, limit }));
      process.stdout.write(json ? `${JSON.stringify(found.map(itemOf))}\n` : table(found));
    });
  return actions;
};

const itemOf = ({ id, at, who, what, messages, detail }: AdminAction): object => ({
  id,
  at: new Date(at).toISOString(),
  who,
  what,
  messages,
  detail: JSON.parse(detail) as unknown,
});

const table = (actions: readonly AdminAction[]): string => {
  if (actions.length === 0) return 'Nobody has done anything yet.\n';
  return renderTable({
    columns: [
      { title: 'When' },
      { title: 'Who' },
      { title: 'What' },
      { title: 'Messages', align: 'right' },
      { title: 'Detail' },
    ],
    rows: actions.map(({ at, who, what, messages, detail }) => [
      new Date(at).toISOString(),
      who,
      what,
      messages === 0 ? '' : count(messages),
      detail === '{}' ? '' : detail,
    ]),
    lastBelow: true,
  });
};
