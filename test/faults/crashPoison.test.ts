import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { orderflowTopology } from '../../src/app/messaging/topology.ts';
import type { Publication } from '../../src/ports/broker.ts';
import { eventually } from '../support/eventually.ts';
import { placeOverHttp } from '../support/placeOverHttp.ts';
import { orderflow } from '../support/programs.ts';
import { rabbitmqAdmin } from '../support/rabbitmq.ts';
import { type ServerProcess, startServer } from '../support/serverProcess.ts';
import { describeWithService, rabbitmqUrl, uniquePrefix } from '../support/services.ts';
import { stockMessage } from '../support/stockMessages.ts';

const orderCount = 40;
const preload = new URL('../support/murderousPreload.ts', import.meta.url).href;

type Env = Readonly<Record<string, string>>;

/** Has the messages come to the orders' queue of a service that does not run. */
type Deliver = (messages: readonly Publication[], file: string) => Promise<void>;

/** A supervisor: starts the program again whenever it has died, until it lives and `settled` passes; counts deaths. */
const superviseUntil = async (
  env: Env,
  settled: (server: ServerProcess) => Promise<void>,
): Promise<{ readonly deaths: number; readonly server: ServerProcess }> => {
  for (let deaths = 0; deaths < 6; deaths += 1) {
    const server = await startServer(env).catch(() => null);
    if (server === null) continue;
    const check = () => (server.hasEnded() ? 'died' : settled(server).then(() => 'settled'));
    const outcome = await eventually(check, { timeoutMs: 90_000, intervalMs: 100 }).catch(async (error) => {
      await server.kill();
      throw error;
    });
    if (outcome === 'settled') return { deaths, server };
  }
  throw new Error('the program died again and again');
};

const json = async <T>(url: string): Promise<T> => (await (await fetch(url)).json()) as T;

const orderOf = (server: ServerProcess, id: string) =>
  json<{ readonly status: string; readonly stock: string; readonly version: number }>(
    `${server.url}/v1/orders/${id}`,
  );

const findsTheMurderer = async (given: Env, deliver: Deliver): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'orderflow-crash-'));
  const file = join(directory, 'orders.db');
  const env = {
    ...given,
    DATABASE_URL: `sqlite:${file}`,
    ROLES: 'api,relay,orders',
    HANDLER_TIMEOUT_MS: '200',
  };
  let running: ServerProcess | undefined;
  try {
    running = await startServer(env);
    const { url } = running;
    const ids = await Promise.all(Array.from({ length: orderCount }, () => placeOverHttp(url)));
    expect(await running.stop()).toBe(0);
    const guilty = ids[Math.floor(orderCount / 2)]!;
    const innocent = ids.filter((id) => id !== guilty);
    const first = ids.map((id) => stockMessage(id, 1, 'reserved'));
    await deliver([...first, stockMessage(guilty, 2, 'released')], file);

    const deadly = { ...env, NODE_OPTIONS: `--import=${preload}`, TEST_DEADLY_MESSAGE: `${guilty}-stock-1` };
    const { deaths, server } = await superviseUntil(deadly, async (living) => {
      const { items } = await json<{ items: object[] }>(`${living.url}/v1/admin/dead-letters`);
      expect(items).toMatchObject([{ messageId: `${guilty}-stock-1`, reason: 'crash' }]);
      for (const id of innocent)
        expect(await orderOf(living, id)).toMatchObject({ stock: 'reserved', version: 2 });
    });
    running = server;
    expect(deaths).toBeGreaterThan(0);
    expect(deaths).toBeLessThanOrEqual(3);
    expect(await orderOf(server, guilty)).toMatchObject({ stock: 'requested', version: 1 });
    const { items: held } = await json<{ items: object[] }>(`${server.url}/v1/admin/held`);
    expect(held).toMatchObject([{ source: `/orderflow/reservations/${guilty}`, because: 'dead', held: 1 }]);
    expect(await server.stop()).toBe(0);

    // The fix is deployed, and the message sent back: its successor follows.
    running = await startServer(env);
    expect(
      (await orderflow(['dead-letters', 'redrive', '--reason', 'crash', '--json'], env)).stdout,
    ).toContain('"done":1');
    const mended = running;
    await eventually(
      async () =>
        expect(await orderOf(mended, guilty)).toMatchObject({ stock: 'released', status: 'cancelled' }),
      { timeoutMs: 30_000 },
    );
    expect(await running.stop()).toBe(0);
  } finally {
    await running?.kill();
    await rm(directory, { recursive: true });
  }
};

describe('a message that kills the process each time', () => {
  const title = 'is set aside after at most three deaths, and none of its neighbours is';

  it(
    `with the embedded broker: ${title}`,
    () =>
      findsTheMurderer({}, async (messages, file) => {
        const stores = await openSqliteStores({
          file,
          migrate: 'check',
          clock: systemClock,
          logger: silentLogger,
        });
        try {
          await stores.unitOfWork.transact(async (tx) =>
            tx.outbox.add(
              messages.map(({ id, type, exchange, routingKey, payload }) => {
                const { source, sequence } = JSON.parse(payload) as { source: string; sequence: string };
                const sent = { exchange, routingKey, payload, traceparent: null, dueAt: 0 };
                return { id, tenant: 'default', source, sequence: Number(sequence), type, ...sent };
              }),
            ),
          );
        } finally {
          await stores.close();
        }
      }),
    300_000,
  );

  describeWithService('rabbitmq', 'with RabbitMQ', () => {
    it(title, async () => {
      const prefix = uniquePrefix();
      const topology = orderflowTopology(prefix);
      const admin = await rabbitmqAdmin();
      try {
        await findsTheMurderer({ BROKER_URL: rabbitmqUrl(), QUEUE_PREFIX: prefix }, async (messages) => {
          const channel = await admin.connection.createConfirmChannel();
          for (const { id, type, contentType, payload, headers, routingKey } of messages) {
            const properties = { messageId: id, type, contentType, headers, persistent: true };
            channel.publish(topology.exchangeNames.events, routingKey, Buffer.from(payload), properties);
          }
          await channel.waitForConfirms();
          await channel.close();
        });
      } finally {
        await admin.remove(topology);
        await admin.close();
      }
    }, 300_000);
  });
});
