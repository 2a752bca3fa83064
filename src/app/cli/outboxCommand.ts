import { styleText } from 'node:util';
import { Command } from 'commander';
import { systemClock } from '../../adapters/system/SystemClock.ts';
import type { OutboxStats, SetAsideMessage } from '../../ports/outbox.ts';
import type { Stores } from '../../ports/stores.ts';
import type { CliContext } from './CliContext.ts';
import { operationsOf, operator } from './operator.ts';
import { count, countOf, duration, wholeNumber } from './quantities.ts';
import { renderTable } from './renderTable.ts';
import { withStores } from './withStores.ts';

/** `orderflow outbox status|retry` */
export const outboxCommand = ({ config }: CliContext): Command => {
  const outbox = new Command('outbox')
    .usage('status|retry')
    .description('Show what waits to be published, and offer it again.');
  outbox
    .command('status')
    .description('Show what waits to be published, and which messages were set aside and why.')
    .option('--json', 'print { pending, held, setAside, oldestPendingAgeSeconds, relay, messages }')
    .option('--limit <n>', 'list at most so many messages that were set aside', wholeNumber(0, 100_000), 50)
    .addHelpText(
      'after',
      `
pending    will be published by the next relay that runs
held       waits behind an earlier message of the same stream that was set aside
set aside  can never be published as it is; nothing happens to it until it is retried

Examples:
  $ orderflow outbox status
  $ orderflow outbox status --json | jq .setAside`,
    )
    .action(async ({ json, limit }: { readonly json?: true; readonly limit: number }) => {
      const { stats, messages, relay } = await withStores(config(), async (stores) => ({
        stats: await stores.outbox.stats(systemClock.now()),
        messages: await stores.outbox.listSetAside(limit),
        relay: await relayOf(stores),
      }));
      process.stdout.write(
        json
          ? `${JSON.stringify({ ...stats, relay, messages })}\n`
          : describeOutbox(stats, messages) + (relay.paused ? pausedNote : ''),
      );
    });
  outbox
    .command('retry')
    .description(
      'Offer every message that was set aside again, and those that wait for their next try at once.',
    )
    .option('--json', 'print { offeredAgain }')
    .addHelpText(
      'after',
      '\nMend the cause first: a message that still cannot be published is set aside again.\n\n' +
        'Examples:\n  $ orderflow outbox retry',
    )
    .action(async ({ json }: { readonly json?: true }) => {
      const offeredAgain = await withStores(config(), (stores) =>
        operationsOf(stores).retryOutbox(operator()),
      );
      const said =
        offeredAgain === 0
          ? 'Nothing was set aside or put off.'
          : `${countOf(offeredAgain, 'message is', 'messages are')} offered again; a relay that runs takes them up within seconds.`;
      process.stdout.write(json ? `${JSON.stringify({ offeredAgain })}\n` : `${said}\n`);
    });
  return outbox;
};

const pausedNote = `\n${styleText('yellow', 'The relay is paused')}: orderflow relay resume\n`;

const relayOf = async ({ relaySwitch, outbox }: Stores) => {
  const at = await outbox.lastPublishedAt();
  const { paused } = await relaySwitch.read();
  return { paused, lastSuccessAt: at === null ? null : new Date(at).toISOString() };
};

const describeOutbox = (stats: OutboxStats, messages: readonly SetAsideMessage[]): string => {
  const { pending, held, setAside, oldestPendingAgeSeconds: age } = stats;
  const summary = renderTable({
    columns: [{ title: 'Outbox' }, { title: 'Messages', align: 'right' }, { title: '' }],
    rows: [
      ['pending', count(pending), age === null ? '' : `the oldest for ${duration(age)}`],
      ['held', count(held), held === 0 ? '' : 'behind messages that were set aside'],
      ['set aside', count(setAside), setAside === 0 ? '' : 'see below'],
    ],
  });
  if (setAside === 0) return summary;
  const list = renderTable({
    columns: [
      { title: 'Stream' },
      { title: 'Sequence', align: 'right' },
      { title: 'Message' },
      { title: 'Set aside because' },
    ],
    rows: messages.map(({ source, sequence, type, reason }) => [
      // The long forms are in the JSON.
      source.replace(/^\/orderflow\//, ''),
      String(sequence),
      type.replace(/^orderflow\.|\.v\d+$/g, ''),
      reason,
    ]),
    lastBelow: true,
  });
  const more = setAside - messages.length;
  return [
    summary,
    '\n',
    messages.length === 0 ? '' : list,
    more > 0 ? `and ${count(more)} more; --limit shows them\n` : '',
    `\n${styleText('yellow', 'Mend the cause, then')} orderflow outbox retry\n`,
  ].join('');
};
