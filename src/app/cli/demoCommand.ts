import { Command, InvalidArgumentError, Option } from 'commander';
import type { CliContext } from './CliContext.ts';
import { CliError } from './CliError.ts';
import { DemoClient } from './demo/DemoClient.ts';
import { demoJson, describeDemo, wentWell } from './demo/demoReport.ts';
import { type ProviderKey, providerKeyIn } from './demo/PaymentProvider.ts';
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
    .option('--orders <n>', 'how many orders to place', wholeNumber(1, 10_000_000), 1_000)
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
With CALLBACK_SECRETS, the same for the service and the demo, it also plays the payment provider, by signed callbacks:
orders are paid, shipped and delivered, some are out of stock, some are paid back. Stop and start the service while it runs: nothing may be lost or done twice.

Examples:
  $ orderflow demo
  $ CALLBACK_SECRETS=demo:whsec_… orderflow demo
  $ orderflow demo --orders 20000 --concurrency 64
  $ orderflow demo --url http://127.0.0.1:8080 --json`,
    )
    .action(async (options: DemoCommandOptions) => {
      const providerKey = providerKeyIn(process.env.CALLBACK_SECRETS);
      const client = new DemoClient(options.url, options.concurrency * 2);
      try {
        await findService(client, options.url);
        if (providerKey !== undefined) await findProvider(client, providerKey);
        const report = await showingProgress(client, options, providerKey);
        process.stdout.write(
          options.json ? `${JSON.stringify(demoJson(report))}\n` : `\n${describeDemo(report)}`,
        );
        if (providerKey === undefined) process.stderr.write(`\n${howToPay}\n`);
        if (!wentWell(report)) outcome.exitCode = 1;
      } finally {
        client.close();
      }
    });

const howToPay =
  'Nobody has paid: start the service and the demo with the same CALLBACK_SECRETS=demo:whsec_<32 bytes in base64> ' +
  'to see whole lives of orders.';

/** The service answers an unknown provider with 404, before it looks at anything else. */
const findProvider = async (client: DemoClient, { provider }: ProviderKey): Promise<void> => {
  const { status } = await client.send('POST', `/v1/callbacks/${provider}`, '{}', {});
  if (status !== 404) return;
  throw new CliError(
    `the service knows no provider "${provider}": start it with the CALLBACK_SECRETS that the demo has.`,
    2,
  );
};

const showingProgress = async (
  client: DemoClient,
  { orders, concurrency }: DemoCommandOptions,
  providerKey: ProviderKey | undefined,
) => {
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
      ...(providerKey === undefined ? {} : { providerKey }),
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
