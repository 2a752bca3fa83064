import type { BindingDeclaration, Topology } from '../../src/ports/broker.ts';
import type { ExchangeName } from '../../src/ports/outbox.ts';

export interface QueuePlan {
  readonly name: string;
  readonly arguments?: Readonly<Record<string, string | number | boolean>>;
  /** Exchange, routing key, arguments. */
  readonly bindings?: readonly (readonly [ExchangeName, string, Readonly<Record<string, string>>?])[];
}

/** A topology for tests: one exchange of each type, under a prefix of its own, and the given queues. */
export const topologyWith = (
  prefix: string,
  queues: readonly QueuePlan[],
  links: readonly Omit<BindingDeclaration, 'destinationType'>[] = [],
): Topology => {
  const exchangeNames: Record<ExchangeName, string> = {
    events: `${prefix}events`,
    tasks: `${prefix}tasks`,
    broadcast: `${prefix}broadcast`,
    audit: `${prefix}audit`,
    dead: `${prefix}dead`,
  };
  return {
    exchangeNames,
    exchanges: [
      { name: exchangeNames.events, type: 'topic' },
      { name: exchangeNames.tasks, type: 'direct' },
      { name: exchangeNames.broadcast, type: 'fanout' },
      { name: exchangeNames.audit, type: 'headers' },
      { name: exchangeNames.dead, type: 'direct' },
    ],
    queues: queues.map((queue) => ({ name: prefix + queue.name, arguments: queue.arguments ?? {} })),
    bindings: [
      ...queues.flatMap((queue) =>
        (queue.bindings ?? []).map(([exchange, routingKey, args]) => ({
          source: exchangeNames[exchange],
          destination: prefix + queue.name,
          destinationType: 'queue' as const,
          routingKey,
          arguments: args ?? {},
        })),
      ),
      ...links.map((link) => ({
        ...link,
        source: prefix + link.source,
        destination: prefix + link.destination,
        destinationType: 'exchange' as const,
      })),
    ],
  };
};
