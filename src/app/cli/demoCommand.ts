import { Command, InvalidArgumentError, Option } from 'commander';
import type { CliContext } from './CliContext.ts';
import { CliError } from './CliError.ts';
import { DemoClient } from './demo/DemoClient.ts';
import { demoJson, describeDemo, wentWell } from './demo/demoReport.ts';
import { runDemo } from './demo/runDemo.ts';
import { wholeNumber } from './quantities.ts';
import { startProgress } from './startProgress.ts';
import { stopOnSignal } from './stopOnSignal.ts';

interface DemoCommandOptions {
  readonly orders: number;
  readonly url: URL;
  readonly concurrency: number;
  readonly json?: true;
}

const defaultUrl = 'http://127.0.0.1:3000';

/** `orderflow demo` */
export const demoCommand = ({ outcome }: CliContext): Command =>
  new Command('demo')
    .description('Place orders at a running service, and show what came of them.')
    .option('--orders <n>', 'how many orders to place', wholeNumber(1, 10_000_000), 200)
    .addOption(
      new Option('--url <url>', 'where the service listens')
        .argParser(httpUrl)
        .default(new URL(defaultUrl), defaultUrl),
    )
    .option('--concurrency <n>', 'how many orders are on their way at once', wholeNumber(1, 1_000), 16)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Places varied orders, sends some requests twice with the same Idempotency-Key, cancels some orders, asks for some
things that must be refused, and follows the event stream meanwhile. Ends with 1 when anything was not as promised.
Stop and start the service while it runs: nothing may be lost or done twice.

Examples:
  $ orderflow demo
  $ orderflow demo --orders 20000 --concurrency 64
  $ orderflow demo --url http://127.0.0.1:8080 --json`,
    )
    .action(async (options: DemoCommandOptions) => {
      const client = new DemoClient(options.url, options.concurrency * 2);
      try {
        await findService(client, options.url);
        const report = await showingProgress(client, options);
        process.stdout.write(
          options.json ? `${JSON.stringify(demoJson(report))}\n` : `\n${describeDemo(report)}`,
        );
        if (!wentWell(report)) outcome.exitCode = 1;
      } finally {
        client.close();
      }
    });

const showingProgress = async (client: DemoClient, { orders, concurrency }: DemoCommandOptions) => {
  const stop = stopOnSignal();
  const progress = startProgress({ label: 'placing', total: orders, unit: 'orders' });
  let shown = true;
  const hide = () => {
    if (shown) progress.stop();
    shown = false;
  };
  try {
    return await runDemo({
      client,
      orders,
      concurrency,
      signal: stop.signal,
      onProgress: (done) => {
        progress.update(done);
        if (done === orders) hide();
      },
    });
  } finally {
    hide();
    stop.release();
  }
};

const findService = async (client: DemoClient, url: URL): Promise<void> => {
  const answer = await client.get('/readyz').catch((error: unknown) => {
    const why = error instanceof Error ? whyUnreachable(error) : String(error);
    throw new CliError(
      `no service answers at ${url.origin} (${why}). Start one with "npm start", or name another with --url.`,
      1,
    );
  });
  if (answer.status === 200) return;
  const advice =
    answer.status === 503
      ? 'It is not ready to serve; try again later.'
      : 'Is it orderflow that listens there?';
  throw new CliError(`${url.origin} answered ${answer.status} to GET /readyz. ${advice}`, 1);
};

/** When several addresses were tried, only the parts say what was wrong. */
const whyUnreachable = (error: Error): string =>
  error instanceof AggregateError
    ? error.errors.map((part) => (part instanceof Error ? part.message : String(part))).join(', ')
    : error.message;

const httpUrl = (text: string): URL => {
  const url = URL.parse(text);
  if (url !== null && ['http:', 'https:'].includes(url.protocol)) return url;
  throw new InvalidArgumentError('It must be an address such as http://127.0.0.1:3000.');
};
