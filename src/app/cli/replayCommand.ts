import { styleText } from 'node:util';
import { Command } from 'commander';
import { systemClock } from '../../adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../adapters/system/UuidV7Ids.ts';
import { type ReplayService, type ReplayStatus, UnknownStreams } from '../../ports/replayService.ts';
import type { Stores } from '../../ports/stores.ts';
import { replayService } from '../messaging/replay/replayService.ts';
import type { CliContext } from './CliContext.ts';
import { CliError } from './CliError.ts';
import { operator } from './operator.ts';
import { count, countOf, wholeNumber } from './quantities.ts';
import { stallNotice } from './stallNotice.ts';
import { startProgress } from './startProgress.ts';
import { stopOnSignal } from './stopOnSignal.ts';
import { withStores } from './withStores.ts';

const pollMs = 200;

interface ReplayOptions {
  readonly queue?: string;
  readonly from: number;
  readonly stream?: readonly string[];
  readonly rate?: number;
  readonly json?: true;
}

/** `orderflow replay --queue Q`, `replay follow ID`, `replay cancel ID` */
export const replayCommand = (context: CliContext): Command =>
  new Command('replay')
    .usage('--queue <name> [options] | follow <id> | cancel <id>')
    .description('Send history from the event log to one queue, while everything else goes on.')
    .option('--queue <name>', 'the queue, by its full name')
    .option('--from <position>', 'begin after this position of the log', wholeNumber(0, 999_999_999_999), 0)
    .option('--stream <streams...>', 'only these streams, such as orders/018f…')
    .option('--rate <n>', 'at most so many messages a second', wholeNumber(1, 100_000))
    .option('--json', 'print the job: { id, queue, state, from, until, position, sent }')
    .addHelpText(
      'after',
      `
The messages are the same as when they were published first, so a consumer that has handled some of them does nothing
twice. They go through the exchange orderflow.tasks: a queue that is not orderflow's own must be bound to it with its own
name as routing key, or they wait in the outbox, and this command says so.

A service that runs does the work; this command shows how far it is. The job survives restarts, and the end of this
command: "replay follow" shows it again. Ctrl-C cancels it, and says how to go on from there.

Examples:
  $ orderflow replay --queue orderflow.loyalty
  $ orderflow replay --queue audit --from 120000 --rate 500
  $ orderflow replay --queue audit --stream orders/018f… orders/0190…
  $ orderflow replay follow 019c…`,
    )
    .action((options: ReplayOptions) => start(context, options))
    .addCommand(followCommand(context))
    .addCommand(cancelCommand(context));

const start = async (context: CliContext, options: ReplayOptions): Promise<void> => {
  const { queue = '', from, stream, rate = null, json } = options;
  if (queue === '') throw new CliError('Name the queue: --queue orderflow.loyalty.', 2);
  const streams = stream?.map((name) => name.replace(/^\/orderflow\//, '')) ?? null;
  await withStores(context.config(), async (stores) => {
    const replays = replaysOf(stores);
    try {
      const job = await replays.replay(operator(), { queue, from, streams, ratePerSecond: rate });
      finish(await follow(replays, job), json, context);
    } catch (error) {
      if (error instanceof UnknownStreams) throw new CliError(error.message, 2);
      throw error;
    }
  });
};

const followCommand = (context: CliContext): Command =>
  new Command('follow')
    .description('Show how far a replay is, until it ends. Ctrl-C cancels it.')
    .argument('<id>')
    .option('--json', 'print the job when it has ended')
    .addHelpText('after', '\nExamples:\n  $ orderflow replay follow 019c…')
    .action(async (id: string, _options: object, command: Command) => {
      const json = jsonOf(command);
      await withStores(context.config(), async (stores) => {
        const replays = replaysOf(stores);
        finish(await follow(replays, known(await replays.job(operator().tenant, id), id)), json, context);
      });
    });

const cancelCommand = (context: CliContext): Command =>
  new Command('cancel')
    .description('Cancel a replay. What was published stays published.')
    .argument('<id>')
    .option('--json', 'print the job')
    .addHelpText('after', '\nExamples:\n  $ orderflow replay cancel 019c…')
    .action(async (id: string, _options: object, command: Command) => {
      const job = await withStores(context.config(), (stores) => replaysOf(stores).cancel(operator(), id));
      print(known(job, id), jsonOf(command), context);
    });

/** Commander gives an option that both have to `replay`, wherever it stands. */
const jsonOf = (command: Command): true | undefined => command.optsWithGlobals<ReplayOptions>().json;

/** The service that runs finds jobs by itself, in a second or two. */
const replaysOf = (stores: Stores): ReplayService =>
  replayService({ stores, clock: systemClock, ids: uuidV7Ids, onJob: () => {} });

const known = (job: ReplayStatus | undefined, id: string): ReplayStatus => {
  if (job === undefined) throw new CliError(`There is no replay ${id}.`, 1);
  return job;
};

const follow = async (replays: ReplayService, job: ReplayStatus): Promise<ReplayStatus> => {
  const stop = stopOnSignal();
  const { tenant, id, from, until } = job;
  const progress = startProgress({ label: 'replaying', total: until - from, unit: 'events' });
  let current = job;
  let told: string | null = null;
  const tellIfStalled = stallNotice();
  try {
    while (current.state === 'running') {
      if (stop.signal.aborted) return (await replays.cancel(operator(), id)) ?? current;
      await systemClock.sleep(pollMs, stop.signal);
      current = (await replays.job(tenant, id)) ?? current;
      progress.update(current.position - from);
      const { error } = current.waiting;
      if (error !== null && error !== told) process.stderr.write(`\n${adviceFor(current, error)}\n`);
      told = error;
      if (error === null) tellIfStalled(current.position);
    }
    return current;
  } finally {
    progress.stop();
    stop.release();
  }
};

const adviceFor = ({ queue }: ReplayStatus, error: string): string =>
  `${styleText('yellow', 'The broker does not take the messages', { stream: process.stderr })} (${error}). ` +
  `Is there a queue ${queue}, bound to the exchange orderflow.tasks with its own name? They are tried again and again.`;

const finish = (job: ReplayStatus, json: true | undefined, context: CliContext): void => {
  print(job, json, context);
  if (job.state !== 'done') context.outcome.exitCode = 1;
};

const print = (job: ReplayStatus, json: true | undefined, { program }: CliContext): void => {
  const { id, queue, state, from, until, position, sent } = job;
  process.stdout.write(
    json
      ? `${JSON.stringify({ id, queue, state, from, until, position, sent })}\n`
      : describe(job, program()),
  );
};

const describe = (job: ReplayStatus, program: string): string => {
  const { id, queue, state, streams, ratePerSecond, position, sent } = job;
  if (state === 'done')
    return `${styleText('green', 'Done')}: ${countOf(sent, 'message')} sent to ${queue}.\n`;
  const only = streams === null ? '' : ` --stream ${streams.join(' ')}`;
  const rate = ratePerSecond === null ? '' : ` --rate ${ratePerSecond}`;
  return (
    `${styleText('yellow', 'Cancelled')} at position ${count(position)}, after ${countOf(sent, 'message')} (job ${id}). ` +
    `To go on: ${program} replay --queue ${queue} --from ${position}${rate}${only}\n`
  );
};
