import type { MissingNames } from '../../../adapters/amqp/brokerTopology.ts';
import type { ObservedBinding, ObservedTopology } from '../../../adapters/amqp/readManagedTopology.ts';
import type { Topology } from '../../../ports/broker.ts';

export interface Difference {
  readonly finding: 'missing' | 'differs';
  readonly kind: 'exchange' | 'queue' | 'binding';
  readonly name: string;
  /** What is not as declared; empty for what is missing. A value that is absent is null. */
  readonly details: readonly Detail[];
}

export interface Detail {
  readonly property: string;
  readonly declared: unknown;
  readonly found: unknown;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Bindings of somebody else to what is declared here: no mistake, but messages come that way. */
  readonly undeclaredBindings: readonly string[];
}

type Properties = Readonly<Record<string, unknown>>;

/** Tells what a broker lacks of a declaration, and what it has in another shape. What it has beyond it is not told. */
export const compareTopology = (declared: Topology, observed: ObservedTopology): Comparison => {
  const exchanges = new Map(observed.exchanges.map((exchange) => [exchange.name, exchange]));
  const queues = new Map(observed.queues.map((queue) => [queue.name, queue]));
  const bindings = new Set(observed.bindings.map(describeBinding));
  const declaredBindings = new Set(declared.bindings.map(describeBinding));
  return {
    differences: [
      ...declared.exchanges.flatMap(({ name, type }) => {
        const shape = { type, durable: true, autoDelete: false, internal: false, arguments: {} };
        return compareOne('exchange', name, shape, exchanges.get(name));
      }),
      ...declared.queues.flatMap(({ name, arguments: args }) => {
        const shape = { durable: true, autoDelete: false, exclusive: false, arguments: args };
        return compareOne('queue', name, shape, queues.get(name));
      }),
      ...[...declaredBindings].filter((name) => !bindings.has(name)).map((name) => missing('binding', name)),
    ],
    undeclaredBindings: observed.bindings
      .filter(leadsTo(declared))
      .map(describeBinding)
      .filter((name) => !declaredBindings.has(name)),
  };
};

/** The little that can be told from names alone. */
export const compareNames = (declared: Topology, absent: MissingNames): readonly Difference[] => [
  ...declared.exchanges
    .filter(({ name }) => absent.exchanges.has(name))
    .map(({ name }) => missing('exchange', name)),
  ...declared.queues.filter(({ name }) => absent.queues.has(name)).map(({ name }) => missing('queue', name)),
];

/** `orderflow.events -- inventory.# --> queue orderflow.orders`; arguments follow the routing key. */
export const describeBinding = (binding: ObservedBinding): string => {
  const { source, destination, destinationType, routingKey, arguments: args } = binding;
  const matching = Object.keys(args).length === 0 ? '' : ` ${canonical(args)}`;
  return `${source} -- ${routingKey}${matching} --> ${destinationType} ${destination}`;
};

const missing = (kind: Difference['kind'], name: string): Difference => ({
  finding: 'missing',
  kind,
  name,
  details: [],
});

const compareOne = (
  kind: 'exchange' | 'queue',
  name: string,
  declared: Properties & { readonly arguments: Properties },
  found: { readonly arguments: Properties } | undefined,
): readonly Difference[] => {
  if (found === undefined) return [missing(kind, name)];
  const { arguments: declaredArguments, ...declaredShape } = declared;
  const { arguments: foundArguments, ...foundShape } = found;
  const details = [
    ...compareProperties(declaredShape, foundShape, Object.keys(declaredShape)),
    ...compareProperties(declaredArguments, foundArguments, [
      ...new Set([...Object.keys(declaredArguments), ...Object.keys(foundArguments)]),
    ]),
  ];
  return details.length === 0 ? [] : [{ finding: 'differs', kind, name, details }];
};

const compareProperties = (declared: Properties, found: Properties, names: readonly string[]): Detail[] =>
  names
    .map((property) => ({ property, declared: declared[property] ?? null, found: found[property] ?? null }))
    .filter(({ declared, found }) => canonical(declared) !== canonical(found));

/** JSON with the members in one order. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

/** The default exchange leads to every queue. */
const leadsTo =
  ({ exchanges, queues }: Topology) =>
  ({ source, destination, destinationType }: ObservedBinding): boolean =>
    source !== '' &&
    (destinationType === 'queue' ? queues : exchanges).some(({ name }) => name === destination);
