import { Command, InvalidArgumentError } from 'commander';
import { applyTopology } from '../../adapters/amqp/brokerTopology.ts';
import { TopologyRefused } from '../../adapters/amqp/declareTopology.ts';
import { systemClock } from '../../adapters/system/SystemClock.ts';
import { BrokerFailure } from '../../ports/broker.ts';
import { checkTlsFiles } from '../composition/checkTlsFiles.ts';
import type { Config } from '../config.ts';
import { orderflowTopology } from '../messaging/topology.ts';
import type { CliContext } from './CliContext.ts';
import { CliError } from './CliError.ts';
import { checkTopology } from './topology/checkTopology.ts';
import { appliedTo, describeApplied, describeChecked, withoutUser } from './topology/describeTopology.ts';
import { drawMermaid } from './topology/drawMermaid.ts';
import { drawTree } from './topology/drawTree.ts';

interface Json {
  readonly json?: true;
}

/** `orderflow topology show|apply|check` */
export const topologyCommand = (context: CliContext): Command => {
  const topology = new Command('topology')
    .usage('show|apply|check')
    .description('Show the exchanges and queues, declare them, compare them with the broker.');
  showCommand(topology, context);
  applyCommand(topology, context);
  checkCommand(topology, context);
  return topology;
};

const showCommand = (topology: Command, { config }: CliContext): void => {
  topology
    .command('show')
    .description('Draw what is declared: exchanges, binding keys, queues. Needs no broker.')
    .option('--mermaid', 'print a Mermaid flowchart')
    .option('--json', 'print { exchangeNames, exchanges, queues, bindings }')
    .addHelpText(
      'after',
      `
QUEUE_PREFIX goes before every name.

Examples:
  $ orderflow topology show
  $ orderflow topology show --mermaid > topology.mmd`,
    )
    .action(({ json, mermaid }: Json & { readonly mermaid?: true }) => {
      if (json && mermaid) throw new CliError('--json and --mermaid exclude each other.', 2);
      const declared = orderflowTopology(config().queuePrefix);
      if (json) process.stdout.write(`${JSON.stringify(declared)}\n`);
      else process.stdout.write(mermaid ? drawMermaid(declared) : drawTree(declared));
    });
};

const applyCommand = (topology: Command, { config }: CliContext): void => {
  topology
    .command('apply')
    .description('Declare everything on the broker of BROKER_URL, and say what was created.')
    .option('--json', 'print { broker, exchanges, queues, bindings }')
    .addHelpText(
      'after',
      `
A service that starts does this by itself. What is there in the same shape stays as it is, with its messages; what is
there in another shape is refused.

Examples:
  $ BROKER_URL=amqp://user:password@host:5672 orderflow topology apply`,
    )
    .action(async ({ json }: Json) => {
      const { urls, tls, declared } = await onBroker(config());
      const options = { urls: urls.join(','), tls, clock: systemClock };
      const { broker, missing } = await explained(applyTopology(options, declared));
      const exchanges = appliedTo(declared.exchanges, missing.exchanges);
      const queues = appliedTo(declared.queues, missing.queues);
      process.stdout.write(
        json
          ? `${JSON.stringify({ broker, exchanges, queues, bindings: declared.bindings })}\n`
          : describeApplied(broker, declared, missing),
      );
    });
};

const checkCommand = (topology: Command, { config, outcome }: CliContext): void => {
  topology
    .command('check')
    .description('Compare what is declared with what the broker has; changes nothing.')
    .option('--management-url <url>', "RabbitMQ's management API (default: the broker's host)", httpUrl)
    .option('--json', 'print { ok, at, compared, because, differences, undeclaredBindings }')
    .addHelpText(
      'after',
      `
Asks the management API, with the user of BROKER_URL unless the option names one: by default at port 15672 of the same
host, with TLS at 15671 where BROKER_URL is amqps:. Where that does not answer, AMQP tells which exchanges and queues
are missing, and no more. Exit code 1 when something is missing or differs.

Examples:
  $ orderflow topology check
  $ orderflow topology check --management-url https://rabbit.example.org --json`,
    )
    .action(async ({ json, managementUrl }: Json & { readonly managementUrl?: URL }) => {
      const { urls, tls, declared } = await onBroker(config());
      const given = managementUrl === undefined ? {} : { managementUrl };
      const check = checkTopology({ urls, tls, topology: declared, clock: systemClock, ...given });
      const checked = await explained(check);
      const ok = checked.differences.length === 0;
      process.stdout.write(json ? `${JSON.stringify({ ok, ...checked })}\n` : describeChecked(checked));
      if (!ok) outcome.exitCode = 1;
    });
};

const onBroker = async (config: Config) => {
  const { broker, queuePrefix, amqpTls } = config;
  if (broker.kind === 'amqp') {
    await checkTlsFiles(config);
    return { urls: broker.urls, tls: amqpTls, declared: orderflowTopology(queuePrefix) };
  }
  throw new CliError(
    'BROKER_URL is memory:, a broker inside the service that nobody else can reach. Set it to a RabbitMQ server, ' +
      'for example amqp://user:password@host:5672.',
    2,
  );
};

/** What the broker has against it is told as a sentence. */
const explained = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof TopologyRefused || error instanceof BrokerFailure)) throw error;
    throw new CliError(withoutUser(error.message), 1);
  }
};

const httpUrl = (text: string): URL => {
  const url = URL.parse(text);
  if (url !== null && ['http:', 'https:'].includes(url.protocol)) return url;
  throw new InvalidArgumentError('It must be an address such as http://127.0.0.1:15672.');
};
