import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { declareTopology } from '../../src/adapters/amqp/declareTopology.ts';
import { deadQueueOf, orderflowTopology, workQueueOf } from '../../src/app/messaging/topology.ts';
import type { Publication } from '../../src/ports/broker.ts';
import { eventually } from '../support/eventually.ts';
import { placeOverHttp } from '../support/placeOverHttp.ts';
import { orderflow } from '../support/programs.ts';
import { rabbitmqAdmin } from '../support/rabbitmq.ts';
import { startServer } from '../support/serverProcess.ts';
import { describeWithService, rabbitmqUrl, uniquePrefix } from '../support/services.ts';
import { stockMessage } from '../support/stockMessages.ts';

const orderCount = 50;

describeWithService('rabbitmq', 'stock events on RabbitMQ', () => {
  it('take effect once and in order, through a kill, and what is hopeless ends at the desk', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'orderflow-stock-'));
    const prefix = uniquePrefix();
    const topology = orderflowTopology(prefix);
    const queue = workQueueOf(prefix, 'orders');
    const admin = await rabbitmqAdmin();
    const env = {
      DATABASE_URL: `sqlite:${join(directory, 'orders.db')}`,
      BROKER_URL: rabbitmqUrl(),
      QUEUE_PREFIX: prefix,
      // The inventory is played by this test.
      ROLES: 'api,relay,orders',
    };
    const start = () => startServer(env);
    const tell = ({ id, type, contentType, payload, headers, routingKey }: Publication): void => {
      const properties = { messageId: id, type, contentType, headers, persistent: true };
      admin.channel.publish(topology.exchangeNames.events, routingKey, Buffer.from(payload), properties);
    };
    // What is told before the service has connected would reach nobody.
    await declareTopology(admin.connection, topology);
    let server = await start();
    try {
      const ids = await Promise.all(Array.from({ length: orderCount }, () => placeOverHttp(server.url)));
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
      const letter = await onlyLetter(server.url);
      expect(letter).toMatchObject({
        queue,
        messageId: 'nobody-stock-1',
        reason: 'refused',
        attempts: 1,
        source: '/orderflow/reservations/nobody',
        sequence: 1,
      });
      // Its successor is held behind it until it is given up; redriven, it is refused again.
      tell(stockMessage('nobody', 2, 'released'));
      await eventually(async () => {
        const { items } = await json<{ items: object[] }>(`${server.url}/v1/admin/held`);
        expect(items).toMatchObject([
          {
            consumer: 'orders',
            source: '/orderflow/reservations/nobody',
            waitsFor: 1,
            because: 'dead',
            held: 1,
          },
        ]);
      });
      expect((await orderflow(['held', 'list'], env)).stdout).toContain('reservations/nobody');
      const discarded = await orderflow(
        ['dead-letters', 'discard', letter.id, '--reason', 'a test', '--json'],
        env,
      );
      expect(JSON.parse(discarded.stdout)).toEqual({ discarded: 1 });
      const second = await onlyLetter(server.url);
      expect(second).toMatchObject({ messageId: 'nobody-stock-2', sequence: 2 });
      const redriven = await orderflow(['dead-letters', 'redrive', '--queue', queue, '--json'], env);
      expect(JSON.parse(redriven.stdout)).toMatchObject({ state: 'done', total: 1, done: 1 });
      const again = await onlyLetter(server.url);
      expect(again).toMatchObject({ messageId: 'nobody-stock-2', reason: 'refused' });
      expect(again.id).not.toBe(second.id);
      const listed = await orderflow(['dead-letters', 'list'], env);
      expect(listed.stdout).toContain(again.id);
      const shown = await orderflow(['dead-letters', 'show', again.id], env);
      expect(JSON.parse(JSON.parse(shown.stdout).payload)).toMatchObject({ id: 'nobody-stock-2' });
      expect(await server.stop()).toBe(0);
      for (const name of [queue, deadQueueOf(queue)])
        expect(await admin.channel.checkQueue(name)).toMatchObject({ messageCount: 0, consumerCount: 0 });
    } finally {
      await server.kill();
      await admin.remove(topology);
      await admin.close();
      await rm(directory, { recursive: true });
    }
  }, 60_000);
});

const typesOf = async (url: string, id: string): Promise<readonly string[]> => {
  const { items } = await json<{ items: readonly { type: string }[] }>(`${url}/v1/orders/${id}/events`);
  return items.map(({ type }) => type);
};

/** The killed relay's leases may hold it up for 13 s. */
const onlyLetter = (url: string): Promise<{ readonly id: string }> =>
  eventually(
    async () => {
      const { items } = await json<{ items: { id: string }[] }>(`${url}/v1/admin/dead-letters`);
      const [first] = items;
      if (first === undefined || items.length > 1) throw new Error(`${items.length} dead letters`);
      return first;
    },
    { timeoutMs: 30_000 },
  );

const json = async <T>(url: string): Promise<T> => (await (await fetch(url)).json()) as T;
