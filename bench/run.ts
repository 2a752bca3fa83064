/**
 * Measures the speed figures, each beside a baseline of the same run (docs/performance.md).
 *
 *   npm run bench -- [--only name,name] [--rounds n] [--quick] [--strict]
 *
 * BENCH_RABBITMQ_URL names the RabbitMQ to use, by default the one on this machine; without one the figures that
 * need it are skipped. With --strict the exit code is 1 when a figure is missed.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
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

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
  },
});

const chosenFigures = (): readonly Figure[] => {
  if (options.only === undefined) return figures;
  const names = options.only.split(',');
  const unknown = names.filter((name) => !figures.some((figure) => figure.name === name));
  if (unknown.length > 0)
    throw new Error(
      `no figure ${unknown.join(', ')}; there are ${figures.map(({ name }) => name).join(', ')}`,
    );
  return figures.filter(({ name }) => names.includes(name));
};

const machine = () => ({
  processor: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryGb: Math.round(totalmem() / 1e9),
  system: `${type()} ${release()}`,
  node: process.version,
});

const load = (): string => (loadavg()[0] ?? 0).toFixed(2);

const run = async (): Promise<boolean> => {
  const chosen = chosenFigures();
  const { quick } = options;
  const rounds = Number(options.rounds ?? (quick ? 1 : 3));
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
