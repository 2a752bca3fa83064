import { styleText } from 'node:util';
import { Command } from 'commander';
import type { RelaySwitch } from '../../ports/relaySwitch.ts';
import type { CliContext } from './CliContext.ts';
import { operationsOf, operator } from './operator.ts';
import { withStores } from './withStores.ts';

/** `orderflow relay status|pause|resume` */
export const relayCommand = ({ config }: CliContext): Command => {
  const relay = new Command('relay')
    .usage('status|pause|resume')
    .description('Stop publishing for a while, such as during work on the broker, and go on.');
  relay
    .command('status')
    .description('Show whether the relays are paused, and by whom.')
    .option('--json', 'print { paused, changedAt, changedBy }')
    .addHelpText('after', '\nExamples:\n  $ orderflow relay status')
    .action(async ({ json }: Options) => {
      print(await withStores(config(), (stores) => operationsOf(stores).relaySwitch()), json);
    });
  for (const what of ['pause', 'resume'] as const) {
    relay
      .command(what)
      .description(
        what === 'pause'
          ? 'Publish nothing any more. Everything is still accepted, and waits in the outbox.'
          : 'Publish what has been waiting, and go on.',
      )
      .option('--json', 'print { paused, changedAt, changedBy }')
      .addHelpText(
        'after',
        `\nIt holds for every service on this database, also after a restart; those that run notice within a second.\n\nExamples:\n  $ orderflow relay ${what}`,
      )
      .action(async ({ json }: Options) => {
        const change = withStores(config(), (stores) =>
          operationsOf(stores).pauseRelay(operator(), what === 'pause'),
        );
        print(await change, json);
      });
  }
  return relay;
};

interface Options {
  readonly json?: true;
}

const print = ({ paused, changedAt, changedBy }: RelaySwitch, json: true | undefined): void => {
  const at = changedAt === null ? null : new Date(changedAt).toISOString();
  const state = paused ? styleText('yellow', 'paused') : styleText('green', 'not paused');
  const since = at === null ? '' : ` since ${at}, by ${changedBy}`;
  process.stdout.write(
    json ? `${JSON.stringify({ paused, changedAt: at, changedBy })}\n` : `The relay is ${state}${since}.\n`,
  );
};
