import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { deadQueueOf, orderflowTopology, workQueueOf } from '../../src/app/messaging/topology.ts';
import type { Publication } from '../../src/ports/broker.ts';
import { eventually } from '../support/eventually.ts';
import { rabbitmqAdmin } from '../support/rabbitmq.ts';
import { startServer } from '../support/serverProcess.ts';
import { describeWithService, rabbitmqUrl, uniquePrefix } from '../support/services.ts';
import { stockMessage } from '../support/stockMessages.ts';

const orderCount = 50;

describeWithService('rabbitmq', 'stock events on RabbitMQ', () => {
  it('take effect once and in order, through a kill, and what is hopeless ends in the dead-letter queue', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'orderflow-stock-'));
    const prefix = uniquePrefix();
    const topology = orderflowTopology(prefix);
    const queue = workQueueOf(prefix, 'orders');
    const admin = await rabbitmqAdmin();
    const start = () =>
      startServer({
        DATABASE_URL: `sqlite:${join(directory, 'orders.db')}`,
        BROKER_URL: rabbitmqUrl(),
        QUEUE_PREFIX: prefix,
      });
    const tell = ({ id, type, contentType, payload, headers, routingKey }: Publication): void => {
      const properties = { messageId: id, type, contentType, headers, persistent: true };
      admin.channel.publish(topology.exchangeNames.events, routingKey, Buffer.from(payload), properties);
    };
    let server = await start();
    try {
      const ids = await Promise.all(Array.from({ length: orderCount }, () => place(server.url)));
      // Behind the first of each order comes the second, and each comes twice; a stranger's message between them.
      for (const id of ids) {
        tell(stockMessage(id, 2, 'released'));
        tell(stockMessage(id, 1, 'reserved'));
        tell(stockMessage(id, 2, 'released'));
      }
      tell(stockMessage('nobody', 1, 'reserved'));
      await server.kill();
      server = await start();
      for (const id of ids) {
        const types = await eventually(async () => {
          const history = await typesOf(server.url, id);
          expect(history).toHaveLength(4);
          return history;
        });
        expect(types).toEqual([
          'orderflow.order.placed.v1',
          'orderflow.order.stock-reserved.v1',
          'orderflow.order.stock-released.v1',
          'orderflow.order.cancelled.v1',
        ]);
      }
      const letter = await eventually(async () => {
        const message = await admin.channel.get(deadQueueOf(queue), { noAck: true });
        if (message === false) throw new Error('no dead letter yet');
        return message;
      });
      expect(letter.properties.messageId).toBe('nobody-stock-1');
      expect(letter.properties.headers).toMatchObject({
        'x-orderflow-reason': 'refused',
        'x-orderflow-queue': queue,
        'x-orderflow-attempts': '1',
      });
      expect(await server.stop()).toBe(0);
      expect(await admin.channel.checkQueue(queue)).toMatchObject({ messageCount: 0, consumerCount: 0 });
    } finally {
      await server.kill();
      await admin.remove(topology);
      await admin.close();
      await rm(directory, { recursive: true });
    }
  }, 60_000);
});

const place = async (url: string): Promise<string> => {
  const answer = await fetch(`${url}/v1/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
    body: JSON.stringify({
      customerId: 'c-42',
      currency: 'EUR',
      lines: [{ sku: 'tea-100', quantity: 2, unitPrice: 1299 }],
    }),
  });
  return ((await answer.json()) as { id: string }).id;
};

const typesOf = async (url: string, id: string): Promise<readonly string[]> => {
  const { items } = (await (await fetch(`${url}/v1/orders/${id}/events`)).json()) as {
    items: readonly { type: string }[];
  };
  return items.map(({ type }) => type);
};
