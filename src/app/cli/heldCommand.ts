import { Command } from 'commander';
import { systemClock } from '../../adapters/system/SystemClock.ts';
import type { BlockedStream } from '../../ports/inbox.ts';
import type { CliContext } from './CliContext.ts';
import { count, duration, wholeNumber } from './quantities.ts';
import { renderTable } from './renderTable.ts';
import { withStores } from './withStores.ts';

const tenant = 'default';

/** `orderflow held list` */
export const heldCommand = ({ config }: CliContext): Command => {
  const held = new Command('held')
    .usage('list')
    .description('Show messages that wait for an earlier one of their stream.');
  held
    .command('list')
    .description('List what waits behind what, the longest waiting first.')
    .option('--limit <n>', 'at most so many streams', wholeNumber(1, 100_000), 50)
    .option('--json', 'print a list of { consumer, source, waitsFor, because, held, … }')
    .addHelpText(
      'after',
      `
missing    the earlier message has not come yet
retrying   it has failed, and is tried again later
started    it is being tried again, or handled with care because a process died with it in hand
dead       it was set aside: see orderflow dead-letters

Examples:
  $ orderflow held list
  $ orderflow held list --json`,
    )
    .action(async ({ json, limit }: { readonly json?: true; readonly limit: number }) => {
      const streams = await withStores(config(), ({ inbox }) => inbox.blocked(tenant, limit));
      process.stdout.write(json ? `${JSON.stringify(streams)}\n` : describe(streams));
    });
  return held;
};

const describe = (streams: readonly BlockedStream[]): string => {
  if (streams.length === 0) return 'Nothing is held.\n';
  const now = systemClock.now();
  return renderTable({
    columns: [
      { title: 'Consumer' },
      { title: 'Stream' },
      { title: 'Waits for', align: 'right' },
      { title: 'Which is' },
      { title: 'Held', align: 'right' },
      { title: 'For' },
      { title: 'Error' },
    ],
    rows: streams.map(({ consumer, source, waitsFor, because, held, since, error }) => [
      consumer,
      source.replace(/^\/orderflow\//, ''),
      String(waitsFor),
      because,
      count(held),
      duration(Math.max(0, now - since) / 1000),
      error ?? '',
    ]),
    lastBelow: true,
  });
};
