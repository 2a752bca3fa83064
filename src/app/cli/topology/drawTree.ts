import { styleText } from 'node:util';
import type { BindingDeclaration, Topology } from '../../../ports/broker.ts';

/** A topology as a tree: exchange, binding key, and the queue or exchange that it leads to. */
export const drawTree = (topology: Topology): string => {
  // A queue that is bound more than once has its arguments where it comes first.
  const described = new Set<string>();
  return topology.exchanges
    .flatMap(({ name, type }) => {
      const bindings = topology.bindings.filter(({ source }) => source === name);
      return [
        `${styleText('bold', name)} (${type})`,
        ...(bindings.length === 0
          ? [styleText('dim', '└─ nothing here; whoever listens binds a queue')]
          : bindings.flatMap((binding, index) => {
              const last = index === bindings.length - 1;
              return branch(binding, last, argumentsOnce(topology, binding, described));
            })),
        '',
      ];
    })
    .join('\n');
};

const branch = (
  { routingKey, destinationType, destination }: BindingDeclaration,
  last: boolean,
  below: readonly string[],
): readonly string[] => [
  `${last ? '└─' : '├─'} ${styleText('cyan', routingKey)} ─▶ ${destinationType} ${styleText('bold', destination)}`,
  ...below.map((line) => `${last ? ' ' : '│'}      ${styleText('dim', line)}`),
];

const argumentsOnce = (
  { queues }: Topology,
  { destination, destinationType }: BindingDeclaration,
  described: Set<string>,
): readonly string[] => {
  if (destinationType !== 'queue' || described.has(destination)) return [];
  described.add(destination);
  const queue = queues.find(({ name }) => name === destination);
  return Object.entries(queue?.arguments ?? {}).map(([name, value]) => `${name}: ${value}`);
};
