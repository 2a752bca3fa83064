import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { listenToEvents } from '../support/eventListener.ts';
import { eventually } from '../support/eventually.ts';
import { everythingIsPublishedInOrder } from '../support/everythingIsPublished.ts';
import type { FaultyProxy } from '../support/faultyProxy.ts';
import { type OrderLoad, placeOrders } from '../support/orderLoad.ts';
import { rabbitmqAdmin, rabbitmqProxy } from '../support/rabbitmq.ts';
import { type ServerProcess, startServer } from '../support/serverProcess.ts';
import { describeWithService, uniquePrefix } from '../support/services.ts';
import { type StockTeller, stockTeller } from '../support/stockTeller.ts';

const faults: readonly (readonly [string, (proxy: FaultyProxy) => void])[] = [
  ['latency', (proxy) => proxy.delay(150)],
  ['a black hole', (proxy) => proxy.freeze('to-server', 'to-client')],
  ['a black hole for what the broker says', (proxy) => proxy.freeze('to-client')],
  [
    'resets, and no new connection',
    (proxy) => {
      proxy.refuse(true);
      proxy.resetAll();
    },
  ],
  ['half-open links', (proxy) => proxy.leaveHalfOpen()],
  ['frames in slices', (proxy) => proxy.slice(7)],
];

const shutdownSeconds = 6;
/**
 * The sum of the time-outs that may follow on one another after a fault: a missing confirm or heartbeat, a channel or
 * topology that does not come, a connection, the longest backoff of adapter and relay, a message's next attempt.
 */
const healingMs = 60_000;

describeWithService('rabbitmq', 'a broker behind a faulty network', () => {
  it.each(faults)(
    '%s: orders are accepted, after it all is published and consumed in order, and a shutdown during it ends in time',
    (_, fail) =>
      withService(async ({ server, proxy, listener, file, stock }) => {
        const load = placeOrders(server.url, { clients: 4, onAccepted: stock.tell });
        await hasAccepted(load, 50);
        fail(proxy);
        await hasAccepted(load, load.accepted.length + 200);
        expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
        proxy.heal();
        await load.stop();
        await stock.told();
        await everythingIsPublishedInOrder(file, listener, healingMs);
        await allReserved(server.url, load.accepted);

        const more = placeOrders(server.url, { clients: 4, onAccepted: stock.tell });
        await hasAccepted(more, 50);
        fail(proxy);
        await hasAccepted(more, more.accepted.length + 50);
        const started = performance.now();
        expect(await server.stop()).toBe(0);
        // A loaded machine is slow to end a process as well.
        expect(performance.now() - started).toBeLessThan(shutdownSeconds * 1000 + 3_000);
        await more.stop();
        expect(server.output()).not.toMatch(/unhandled/i);
      }),
    180_000,
  );
});

const hasAccepted = (load: OrderLoad, count: number): Promise<void> =>
  eventually(() => expect(load.accepted.length).toBeGreaterThanOrEqual(count), { timeoutMs: 30_000 });

interface Scene {
  readonly server: ServerProcess;
  readonly proxy: FaultyProxy;
  readonly listener: Awaited<ReturnType<typeof listenToEvents>>;
  readonly file: string;
  readonly stock: StockTeller;
}

/** The program behind the proxy, and a stock that answers its orders. */
const withService = async (test: (scene: Scene) => Promise<void>): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'orderflow-faults-'));
  const file = join(directory, 'orders.db');
  const prefix = uniquePrefix();
  const listener = await listenToEvents(prefix);
  const admin = await rabbitmqAdmin();
  const { proxy, url } = await rabbitmqProxy();
  const server = await startServer({
    DATABASE_URL: `sqlite:${file}`,
    BROKER_URL: `${url}?heartbeat=2`,
    QUEUE_PREFIX: prefix,
    ROLES: 'api,relay,orders',
    CONFIRM_TIMEOUT_MS: '1000',
    SHUTDOWN_TIMEOUT_SECONDS: String(shutdownSeconds),
  });
  // Both connections have declared everything, bindings included: before that what is told has nowhere to go.
  await eventually(() => expect(server.output().match(/connected to the broker/g)).toHaveLength(2));
  const stock = await stockTeller(admin, prefix);
  try {
    await test({ server, proxy, listener, file, stock });
  } finally {
    await server.kill();
    await listener.close();
    await admin.close();
    await proxy.stop();
    await rm(directory, { recursive: true });
  }
};

const allReserved = async (url: string, ids: readonly string[]): Promise<void> => {
  for (const id of ids) {
    await eventually(
      async () => {
        const order = (await (await fetch(`${url}/v1/orders/${id}`)).json()) as Record<string, unknown>;
        expect(order).toMatchObject({ stock: 'reserved', version: 2 });
      },
      { timeoutMs: healingMs },
    );
  }
};
