/** Measures the speed figures; `npm run bench -- --help` tells how. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Figure, isMet, medianOf, type Result } from './figure.ts';
import { callbacks } from './figures/callbacks.ts';
import { consume } from './figures/consume.ts';
import { endToEnd } from './figures/endToEnd.ts';
import { fullLife } from './figures/fullLife.ts';
import { groupCommit } from './figures/groupCommit.ts';
import { intake64, intake256 } from './figures/intake.ts';
import { latency } from './figures/latency.ts';
import { memory } from './figures/memory.ts';
import { recovery } from './figures/recovery.ts';
import { redrive } from './figures/redrive.ts';
import { relayBacklog } from './figures/relayBacklog.ts';
import { storedOrders } from './figures/storedOrders.ts';
import { whyUnreachable } from './support/rabbitmq.ts';
import { showTable } from './support/report.ts';

const figures: readonly Figure[] = [
  intake64,
  intake256,
  callbacks,
  groupCommit,
  relayBacklog,
  consume,
  endToEnd,
  redrive,
  latency,
  fullLife,
  recovery,
  storedOrders,
  memory,
];

const names = figures.map(({ name }) => name);

const pickFigures = (text: string): readonly Figure[] =>
  text.split(',').map((wanted) => {
    const found = figures.find(({ name }) => name === wanted);
    if (found === undefined)
      throw new InvalidArgumentError(`There is no figure ${wanted}; there are ${names.join(', ')}.`);
    return found;
  });

const countRounds = (text: string): number => {
  if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1 to 99.');
  return Number(text);
};

const program = new Command('npm run bench --')
  .description('Measures the speed figures, each beside a baseline of the same run (docs/performance.md).')
  .addOption(
    new Option('--only <figures>', `some of: ${names.join(', ')}`)
      .argParser(pickFigures)
      .default(figures, 'all of them'),
  )
  .addOption(
    new Option('--rounds <n>', 'how often each is measured')
      .argParser(countRounds)
      .default(3, '3, or 1 with --quick'),
  )
  .option('--quick', 'one short round of each', false)
  .option('--strict', 'exit with 1 when a figure is missed', false)
  .addHelpText(
    'after',
    `
BENCH_RABBITMQ_URL names the RabbitMQ to use, by default the one on this machine; without one the figures that need it
are skipped.

Examples:
  $ npm run bench
  $ npm run bench -- --only intake-64,relay --rounds 5`,
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse();
const options = program.opts<{
  only: readonly Figure[];
  rounds: number;
  quick: boolean;
  strict: boolean;
}>();

const machine = () => ({
  processor: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryGb: Math.round(totalmem() / 1e9),
  system: `${type()} ${release()}`,
  node: process.version,
});

const load = (): string => (loadavg()[0] ?? 0).toFixed(2);

const run = async (): Promise<boolean> => {
  const { only: chosen, quick } = options;
  const rounds = quick && program.getOptionValueSource('rounds') === 'default' ? 1 : options.rounds;
  const rabbitmqUrl = process.env.BENCH_RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672';
  const unreachable =
    chosen.some(({ needsRabbitmq }) => needsRabbitmq) && (await whyUnreachable(rabbitmqUrl));
  const started = new Date();
  const loadAtStart = load();
  const { processor, cores, node } = machine();
  console.info(`${processor}, ${cores} cores, Node ${node}, load before the start ${loadAtStart}`);
  const results: (Result & { readonly figure: string })[] = [];
  const skipped: { readonly figure: string; readonly reason: string }[] = [];
  for (const { name, needsRabbitmq, missing = '', measure } of chosen) {
    const reason = needsRabbitmq && unreachable ? unreachable : missing;
    if (reason !== '') {
      skipped.push({ figure: name, reason });
      continue;
    }
    console.info(`\n${name}`);
    const setting = { quick, rounds, rabbitmqUrl, say: (line: string) => console.info(`  ${line}`) };
    for (const result of await measure(setting)) results.push({ figure: name, ...result });
  }
  showTable(results, skipped);
  const directory = fileURLToPath(new URL('./results/', import.meta.url));
  mkdirSync(directory, { recursive: true });
  const file = `${directory}${started.toISOString().replaceAll(':', '-')}.json`;
  const record = results.map((result) => ({ ...result, value: medianOf(result), met: isMet(result) }));
  const conditions = { started, quick, rounds, loadAtStart, machine: machine() };
  writeFileSync(file, `${JSON.stringify({ ...conditions, results: record, skipped }, null, 2)}\n`);
  console.info(`\nrecorded in ${file}`);
  return results.every(isMet);
};

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const allMet = await run();
if (!allMet && options.strict) process.exitCode = 1;
