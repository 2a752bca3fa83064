import { describe, expect, it } from 'vitest';
import { orderflowTopology } from '../../src/app/messaging/topology.ts';

describe('the topology', () => {
  it('lets no broker drop a message for having been delivered often', () => {
    // RabbitMQ 4 limits deliveries to 20 where nothing else is said, and drops what has no dead-letter exchange.
    for (const { name, arguments: given } of orderflowTopology('').queues) {
      const limit = Number(given['x-delivery-limit']);
      if ('x-dead-letter-exchange' in given) expect(limit, name).toBe(1_000);
      else expect(limit, name).toBeGreaterThanOrEqual(1_000_000);
    }
  });
});
