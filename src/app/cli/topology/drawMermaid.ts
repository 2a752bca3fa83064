import type { QueueDeclaration, Topology } from '../../../ports/broker.ts';

/** A topology as a Mermaid flowchart: exchanges are hexagons, queues boxes, and dotted arrows carry dead letters. */
export const drawMermaid = (topology: Topology): string => {
  const { exchanges, queues, bindings } = topology;
  const exchangeId = ids('exchange', exchanges);
  const queueId = ids('queue', queues);
  const lines = [
    ...exchanges.map(({ name, type }) => `${exchangeId(name)}{{${quoted(name, type)}}}`),
    ...queues.map((queue) => `${queueId(queue.name)}[${quoted(...queueLabel(queue))}]`),
    ...bindings.map(({ source, routingKey, destinationType, destination }) => {
      const target = destinationType === 'queue' ? queueId(destination) : exchangeId(destination);
      return `${exchangeId(source)} -- ${quoted(routingKey)} --> ${target}`;
    }),
    ...queues.flatMap(({ name, arguments: args }) => {
      const to = args[deadLetterExchange];
      if (typeof to !== 'string') return [];
      const key = args[deadLetterRoutingKey];
      const label = typeof key === 'string' ? `dead: ${key}` : 'dead';
      return [`${queueId(name)} -. ${quoted(label)} .-> ${exchangeId(to)}`];
    }),
  ];
  return `flowchart LR\n${lines.map((line) => `  ${line}\n`).join('')}`;
};

const deadLetterExchange = 'x-dead-letter-exchange';
const deadLetterRoutingKey = 'x-dead-letter-routing-key';

/** What an arrow shows does not stand in the box as well. */
const queueLabel = ({ name, arguments: args }: QueueDeclaration): readonly string[] => [
  name,
  ...Object.entries(args)
    .filter(([key]) => key !== deadLetterExchange && key !== deadLetterRoutingKey)
    .map(([key, value]) => `${key}: ${value}`),
];

/** Names may hold what Mermaid reads as its own, so that nodes are numbered. */
const ids = (kind: string, items: readonly { readonly name: string }[]) => {
  const numbers = new Map(items.map(({ name }, index) => [name, index + 1]));
  return (name: string): string => `${kind}${numbers.get(name) ?? `[${quoted(name)}]`}`;
};

/** Mermaid reads labels as Markdown, where `#` would be a heading and `*` emphasis: such signs are numbered entities. */
const quoted = (...lines: readonly string[]): string =>
  `"${lines.map((line) => line.replaceAll(/["#*_`<>&]/g, (sign) => `#${sign.charCodeAt(0)};`)).join('<br/>')}"`;
