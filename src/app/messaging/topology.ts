import type { Topology } from '../../ports/broker.ts';
import type { ExchangeName } from '../../ports/outbox.ts';
import { topicMatches } from '../../ports/topicMatches.ts';

/**
 * The one declaration of what the broker must have. The AMQP adapter and the in-memory broker both read it. Every
 * name starts with `prefix`, so that several installations, or test runs, can share one broker.
 */
export const orderflowTopology = (prefix: string): Topology => {
  const exchangeNames: Record<ExchangeName, string> = {
    events: `${prefix}orderflow.events`,
    tasks: `${prefix}orderflow.tasks`,
    broadcast: `${prefix}orderflow.broadcast`,
    audit: `${prefix}orderflow.audit`,
    dead: `${prefix}orderflow.dead`,
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
    queues: [],
    bindings: [
      {
        source: exchangeNames.events,
        destination: exchangeNames.audit,
        destinationType: 'exchange',
        routingKey: '#',
        arguments: {},
      },
    ],
  };
};

/**
 * Whether a declared queue is bound for a routing key, so that a message nobody takes shows a missing topology. What
 * only strangers' queues may take is not mandatory: they come and go.
 */
export const isMandatory =
  (topology: Topology) =>
  (exchange: ExchangeName, routingKey: string): boolean =>
    topology.bindings.some(
      (binding) =>
        binding.destinationType === 'queue' &&
        binding.source === topology.exchangeNames[exchange] &&
        topicMatches(binding.routingKey, routingKey),
    );
