import { styleText } from 'node:util';
import { Command, Option } from 'commander';
import packageJson from '../../../package.json' with { type: 'json' };
import { type Context, contexts, databaseOf } from '../config.ts';
import { actionsCommand } from './actionsCommand.ts';
import type { CliContext } from './CliContext.ts';
import { callbacksCommand } from './callbacksCommand.ts';
import { deadLettersCommand } from './deadLettersCommand.ts';
import { demoCommand } from './demoCommand.ts';
import { heldCommand } from './heldCommand.ts';
import { migrateCommand } from './migrateCommand.ts';
import { outboxCommand } from './outboxCommand.ts';
import { relayCommand } from './relayCommand.ts';
import { replayCommand } from './replayCommand.ts';
import { stockCommand } from './stockCommand.ts';
import { topologyCommand } from './topologyCommand.ts';
import { traceCommand } from './traceCommand.ts';
import { viewsCommand } from './viewsCommand.ts';

/** Every command on one screen. */
export const createProgram = (context: Omit<CliContext, 'program'>): Command => {
  const program = new Command('orderflow')
    .description('Operate an orderflow service: its database, its outbox, its views, its broker.')
    .version(packageJson.version)
    .addOption(
      new Option('--context <context>', 'work on the database of this context')
        .choices(contexts)
        .default('orders'),
    )
    .configureHelp({
      styleTitle: (title) => styleText('bold', title, { validateStream: false }),
      subcommandTerm: (command) => `${command.name()} ${command.usage()}`.trim(),
    })
    .configureOutput({
      outputError: (text, write) =>
        write(text.replace(/^error:/, styleText('red', 'orderflow:', { stream: process.stderr }))),
    })
    .exitOverride()
    .addHelpText(
      'after',
      `
Settings are environment variables, the same as those of the service; DATABASE_URL says which database, BROKER_URL
which broker. A context with a database of its own (INVENTORY_DATABASE_URL and so on) is named before the command:
"orderflow --context inventory outbox status".

Examples:
  $ orderflow migrate status
  $ orderflow outbox status --json
  $ orderflow dead-letters list
  $ orderflow trace <order id>
  $ orderflow replay --queue orderflow.loyalty
  $ orderflow callbacks list --state parked
  $ orderflow views rebuild
  $ orderflow stock import counts.csv
  $ orderflow topology show
  $ orderflow demo --orders 1000

Exit codes: 0 done, 1 failed, 2 asked for in a way that cannot work.`,
    );
  const chosen = (): Context => program.opts<{ context: Context }>().context;
  const inContext: CliContext = {
    ...context,
    config: () => {
      const config = context.config();
      return { ...config, database: databaseOf(config, chosen()) };
    },
    program: () => (chosen() === 'orders' ? 'orderflow' : `orderflow --context ${chosen()}`),
  };
  for (const create of [
    migrateCommand,
    outboxCommand,
    relayCommand,
    deadLettersCommand,
    heldCommand,
    traceCommand,
    replayCommand,
    actionsCommand,
    callbacksCommand,
    viewsCommand,
    stockCommand,
    topologyCommand,
    demoCommand,
  ]) {
    program.addCommand(inheriting(program, create(inContext)));
  }
  return program;
};

/** Commander copies settings only to commands that it makes itself. */
const inheriting = (parent: Command, command: Command): Command => {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inheriting(command, child as Command);
  return command;
};
