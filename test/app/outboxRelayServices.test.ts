import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { connectAmqpBroker } from '../../src/adapters/amqp/connectAmqpBroker.ts';
import { InMemoryBroker } from '../../src/adapters/memory/InMemoryBroker.ts';
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { OutboxRelay } from '../../src/app/messaging/OutboxRelay.ts';
import type { Broker } from '../../src/ports/broker.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { topologyWith } from '../support/brokerTopology.ts';
import { eventually } from '../support/eventually.ts';
import { rabbitmqAdmin, rabbitmqProxy } from '../support/rabbitmq.ts';
import { commit, message } from '../support/relayRig.ts';
import { describeWithService, uniquePrefix } from '../support/services.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const openSqlite = async (): Promise<Stores> => {
  const directory = await mkdtemp(join(tmpdir(), 'orderflow-relay-'));
  cleanups.push(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'orders.db');
  const stores = await openSqliteStores({ file, migrate: 'up', clock: systemClock, logger: silentLogger });
  cleanups.push(() => stores.close());
  return stores;
};

let owners = 0;
const startRelay = (stores: Stores, publisher: Broker): OutboxRelay => {
  owners += 1;
  const relay = new OutboxRelay({
    outbox: stores.outbox,
    leases: stores.leases,
    publisher,
    clock: systemClock,
    logger: silentLogger,
    owner: `relay-${owners}`,
    isMandatory: () => true,
    settings: { window: 200, leaseTtlMs: 1_000, pollMs: 100, outageBackoff: { firstMs: 20, maxMs: 200 } },
  });
  relay.start();
  cleanups.push(() => relay.stop({ deadlineMs: 5_000 }));
  return relay;
};

const orders = Array.from({ length: 100 }, (_, index) => `/orderflow/orders/${index}`);

/** The next message of every order, in one transaction. */
const commitRound = (stores: Stores, sequence: number): Promise<void> =>
  commit(
    stores,
    orders.map((source) => message(source, sequence)),
  );

const everythingOnce = (rounds: number): Record<string, readonly number[]> =>
  Object.fromEntries(
    orders.map((source) => [source, Array.from({ length: rounds }, (_, index) => index + 1)]),
  );

/** Per source the sequences as a consumer of the queue first sees them. */
const watchQueue = async (subscriber: Broker, queue: string) => {
  const first: Record<string, number[]> = {};
  const seen = { duplicates: 0, messages: 0 };
  const subscription = await subscriber.subscribe(queue, { prefetch: 1_000 }, (delivery) => {
    const { source, sequence } = JSON.parse(delivery.payload) as { source: string; sequence: number };
    first[source] ??= [];
    if (first[source].includes(sequence)) seen.duplicates += 1;
    else {
      first[source].push(sequence);
      seen.messages += 1;
    }
    delivery.ack();
  });
  cleanups.push(() => subscription.cancel());
  return { first, seen };
};

const nothingPending = async (stores: Stores): Promise<void> => {
  expect(await stores.outbox.stats(systemClock.now())).toMatchObject({ pending: 0 });
};

test('two relays on one SQLite file publish all of it in order while it is written, and one of them stops', async () => {
  const prefix = uniquePrefix();
  const topology = topologyWith(prefix, [{ name: 'watch', bindings: [['events', 'order.#']] }]);
  const broker = new InMemoryBroker({
    topology,
    clock: systemClock,
    logger: silentLogger,
    confirm: 'on-enqueue',
  });
  cleanups.push(() => broker.close());
  const stores = await openSqlite();
  const { first } = await watchQueue(broker, `${prefix}watch`);
  const relays = [startRelay(stores, broker), startRelay(stores, broker)];
  for (let sequence = 1; sequence <= 20; sequence += 1) {
    await commitRound(stores, sequence);
    for (const relay of relays) relay.wake();
    if (sequence === 10) await relays[0]?.stop({ deadlineMs: 5_000 });
  }
  await eventually(() => nothingPending(stores));
  await eventually(() => expect(first).toEqual(everythingOnce(20)));
});

describeWithService('rabbitmq', 'the relay with SQLite and RabbitMQ', () => {
  const open = async () => {
    const prefix = uniquePrefix();
    const topology = topologyWith(prefix, [
      { name: 'watch', arguments: { 'x-queue-type': 'quorum' }, bindings: [['events', 'order.#']] },
    ]);
    const admin = await rabbitmqAdmin();
    cleanups.push(async () => {
      await admin.remove(topology);
      await admin.close();
    });
    const connectThrough = async (url?: string) => {
      const through = url === undefined ? await rabbitmqProxy() : undefined;
      const broker = connectAmqpBroker({
        urls: url ?? through?.url ?? '',
        topology,
        clock: systemClock,
        logger: silentLogger,
        confirmTimeoutMs: 2_000,
        backoff: { baseMs: 10, capMs: 100 },
      });
      cleanups.push(async () => {
        await broker.close();
        await through?.proxy.stop();
      });
      return { broker, proxy: through?.proxy };
    };
    return { prefix, stores: await openSqlite(), connectThrough };
  };

  test('everything arrives in order although the connection is reset again and again', async () => {
    const { prefix, stores, connectThrough } = await open();
    const { broker, proxy } = await connectThrough();
    const watcher = await connectThrough();
    const { first, seen } = await watchQueue(watcher.broker, `${prefix}watch`);
    const rounds = 30;
    for (let sequence = 1; sequence <= rounds; sequence += 1) await commitRound(stores, sequence);
    startRelay(stores, broker);
    const total = rounds * orders.length;
    await eventually(() => expect(seen.messages).toBeGreaterThan(0), { intervalMs: 1 });
    // Once with a message of every order under way whose confirm is lost: these must come twice.
    proxy?.freeze('to-client');
    await eventually(async () => {
      const { pending } = await stores.outbox.stats(systemClock.now());
      expect(seen.messages).toBe(total - pending + orders.length);
    });
    proxy?.resetAll();
    proxy?.thaw();
    for (const share of [0.3, 0.5, 0.7, 0.9]) {
      await eventually(() => expect(seen.messages).toBeGreaterThan(share * total), {
        intervalMs: 1,
      });
      proxy?.resetAll();
    }
    await eventually(() => nothingPending(stores), { timeoutMs: 20_000 });
    await eventually(() => expect(first).toEqual(everythingOnce(rounds)));
    expect(seen.duplicates).toBeGreaterThanOrEqual(orders.length);
  });

  test('everything arrives in order although one of two connections falls silent with messages under way', async () => {
    const { prefix, stores, connectThrough } = await open();
    const { broker, proxy } = await connectThrough();
    const successor = await connectThrough();
    const watcher = await connectThrough();
    const { first } = await watchQueue(watcher.broker, `${prefix}watch`);
    const rounds = 20;
    for (let sequence = 1; sequence <= rounds; sequence += 1) await commitRound(stores, sequence);
    const late = startRelay(stores, broker);
    startRelay(stores, successor.broker);
    await eventually(() => expect(late.status().lastSuccessAt).not.toBeNull(), { intervalMs: 1 });
    proxy?.freeze('to-server', 'to-client');
    await eventually(() => expect(late.status().state).toBe('waiting_for_broker'), { timeoutMs: 20_000 });
    proxy?.thaw();
    await eventually(() => nothingPending(stores), { timeoutMs: 20_000 });
    await eventually(() => expect(first).toEqual(everythingOnce(rounds)));
  });
});
