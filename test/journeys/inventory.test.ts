import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { orderflowTopology, workQueueOf } from '../../src/app/messaging/topology.ts';
import { eventually } from '../support/eventually.ts';
import { inDirectory, orderflow, type Running, start } from '../support/programs.ts';
import { rabbitmqAdmin } from '../support/rabbitmq.ts';
import { startServer } from '../support/serverProcess.ts';
import { describeWithService, rabbitmqUrl, uniquePrefix } from '../support/services.ts';

const orderCount = 120;
/** Pieces of the tea and of the pot: every order wants both, and the pots run out first. */
const stock = { tea: 200, pot: 70 };

describeWithService('rabbitmq', 'inventory in a process and a database of its own', () => {
  it(
    'sells exactly what there is, through kills, and the rest is cancelled as out of stock',
    () =>
      inDirectory(async (directory) => {
        const prefix = uniquePrefix();
        const admin = await rabbitmqAdmin();
        const topology = orderflowTopology(prefix);
        const env = {
          DATABASE_URL: `sqlite:${join(directory, 'orders.db')}`,
          INVENTORY_DATABASE_URL: `sqlite:${join(directory, 'inventory.db')}`,
          BROKER_URL: rabbitmqUrl(),
          QUEUE_PREFIX: prefix,
        };
        const server = await startServer({ ...env, ROLES: 'api,relay,orders' });
        let inventory = startInventory(env);
        try {
          const counts = join(directory, 'counts.csv');
          await writeFile(counts, `sku,onHand\ntea,${stock.tea}\npot,${stock.pot}\n`);
          expect(await orderflow(['stock', 'import', counts], env)).toMatchObject({ exitCode: 0 });

          const placed: string[] = [];
          for (let kills = 0; placed.length < orderCount; kills += 1) {
            placed.push(
              ...(await Promise.all(Array.from({ length: orderCount / 4 }, () => place(server.url)))),
            );
            if (kills < 3) {
              // In the middle of it: some of these are decided, and not all.
              await eventually(async () =>
                expect((await countOf(server.url, 'tea')).reserved).toBeGreaterThan(0),
              );
              await kill(inventory);
              inventory = startInventory(env);
            }
          }
          const orders = await settled(server.url, placed);
          const reserved = orders.filter((order) => order.stock === 'reserved');
          const rejected = orders.filter((order) => order.stock === 'rejected');
          expect([reserved.length, rejected.length]).toEqual([stock.pot, orderCount - stock.pot]);
          for (const order of rejected)
            expect(order).toMatchObject({ status: 'cancelled', cancelReason: 'out_of_stock' });
          expect(await countOf(server.url, 'pot')).toMatchObject({ onHand: 70, reserved: 70 });
          expect(await countOf(server.url, 'tea')).toMatchObject({ onHand: 200, reserved: 140 });

          // What one gives back another gets.
          await post(server.url, `/v1/orders/${reserved[0]?.id}/cancel`, {});
          await eventually(async () => expect((await countOf(server.url, 'pot')).available).toBe(1));
          const [late] = await settled(server.url, [await place(server.url)]);
          expect(late).toMatchObject({ status: 'pending', stock: 'reserved' });
          expect(await countOf(server.url, 'pot')).toMatchObject({ onHand: 70, reserved: 70 });

          expect((await json<{ items: object[] }>(`${server.url}/v1/admin/dead-letters`)).items).toEqual([]);
          expect(await server.stop()).toBe(0);
          inventory.child.kill('SIGTERM');
          expect(await inventory.ended).toMatchObject({ exitCode: 0 });
          for (const consumer of ['orders', 'inventory'] as const) {
            const queue = await admin.channel.checkQueue(workQueueOf(prefix, consumer));
            expect(queue).toMatchObject({ messageCount: 0 });
          }
        } finally {
          await server.kill();
          await kill(inventory);
          await admin.remove(topology);
          await admin.close();
        }
      }),
    120_000,
  );
});

const startInventory = (env: Readonly<Record<string, string>>): Running =>
  start('main', [], { ...env, ROLES: 'inventory', LOG_LEVEL: 'warn' });

const kill = async ({ child, ended }: Running): Promise<void> => {
  child.kill('SIGKILL');
  await ended;
};

interface OrderAnswer {
  readonly id: string;
  readonly status: string;
  readonly stock: string;
}

const json = async <T>(url: string): Promise<T> => (await (await fetch(url)).json()) as T;

const post = async (url: string, path: string, body: object): Promise<OrderAnswer> => {
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
    body: JSON.stringify(body),
  });
  return (await answer.json()) as OrderAnswer;
};

const place = async (url: string): Promise<string> => {
  const lines = [
    { sku: 'tea', quantity: 2, unitPrice: 500 },
    { sku: 'pot', quantity: 1, unitPrice: 2000 },
  ];
  return (await post(url, '/v1/orders', { customerId: 'c-42', currency: 'EUR', lines })).id;
};

const countOf = (url: string, sku: string) =>
  json<{ readonly reserved: number; readonly available: number }>(`${url}/v1/stock/${sku}`);

/** The orders, once inventory has answered all of them. */
const settled = (url: string, ids: readonly string[]): Promise<readonly OrderAnswer[]> =>
  eventually(
    async () => {
      const orders = await Promise.all(ids.map((id) => json<OrderAnswer>(`${url}/v1/orders/${id}`)));
      const waiting = orders.filter((order) => order.stock === 'requested');
      if (waiting.length > 0) throw new Error(`${waiting.length} orders wait for their stock`);
      return orders;
    },
    { timeoutMs: 60_000, intervalMs: 100 },
  );
