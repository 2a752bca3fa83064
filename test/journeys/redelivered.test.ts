import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connectAmqpBroker } from '../../src/adapters/amqp/connectAmqpBroker.ts';
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { orderflowTopology, workQueueOf } from '../../src/app/messaging/topology.ts';
import { publicationOf } from '../support/consumerRig.ts';
import { eventually } from '../support/eventually.ts';
import { type RabbitmqAdmin, rabbitmqAdmin } from '../support/rabbitmq.ts';
import { startRealConsumer } from '../support/realConsumer.ts';
import { describeWithService, rabbitmqUrl, uniquePrefix } from '../support/services.ts';

describeWithService('rabbitmq', 'what comes again from a real queue', () => {
  let directory: string;
  let prefix: string;
  let admin: RabbitmqAdmin;
  let consumer: Awaited<ReturnType<typeof startRealConsumer>> | undefined;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'orderflow-redelivered-'));
    prefix = uniquePrefix();
    admin = await rabbitmqAdmin();
    consumer = undefined;
  });
  afterEach(async () => {
    await consumer?.stop();
    await admin.remove(orderflowTopology(prefix));
    await admin.close();
    await rm(directory, { recursive: true });
  });
  const file = () => join(directory, 'consumer.db');
  const start = () =>
    startRealConsumer({
      prefix,
      file: file(),
      before: () => {},
      retryPolicy: { delaysMs: [], maxDeaths: 2 },
    });

  /** Fills the queue; then a stranger has every message in hand, and its connection breaks. */
  const redeliver = async (count: number): Promise<void> => {
    const topology = orderflowTopology(prefix);
    const common = { clock: systemClock, logger: silentLogger };
    const broker = connectAmqpBroker({ ...common, urls: rabbitmqUrl(), topology, confirmTimeoutMs: 30_000 });
    await broker.whenReady(AbortSignal.timeout(10_000));
    const sources = Array.from({ length: count }, (_, index) => `/s${index}`);
    const outcomes = await Promise.all(
      sources.map((source) =>
        broker.publish({ ...publicationOf(source, 1), routingKey: 'inventory.test', mandatory: true }),
      ),
    );
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['confirmed']));
    await broker.close();
    const stranger = await connect(rabbitmqUrl(), { timeout: 5_000 });
    let taken = 0;
    // A quorum queue gives no consumer more than 2,000 at a time.
    for (let consumers = 0; consumers < count / 2_000; consumers += 1) {
      const channel = await stranger.createChannel();
      await channel.consume(workQueueOf(prefix, 'orders'), () => {
        taken += 1;
      });
    }
    await eventually(() => expect(taken).toBe(count));
    await stranger.close();
  };

  it('is handled in batches when nobody died, ten thousand messages and all', async () => {
    await redeliver(10_000);
    const began = performance.now();
    consumer = await start();
    const { stores, commits } = consumer;
    await eventually(async () => expect(await stores.events.lastPosition()).toBe(10_000), {
      timeoutMs: 50_000,
    });
    console.info(`10,000 in ${Math.round(performance.now() - began)} ms, ${commits()} commits`);
    expect(commits()).toBeLessThan(2_000);
  }, 60_000);

  it('is handled in small groups after a death, the starts of each recorded', async () => {
    await redeliver(500);
    const stores = await openSqliteStores({
      file: file(),
      migrate: 'up',
      clock: systemClock,
      logger: silentLogger,
    });
    await stores.processes.beat({ id: 'killed', beats: 7 });
    await stores.close();
    const began = performance.now();
    consumer = await start();
    const { commits, stores: own } = consumer;
    await eventually(async () => expect(await own.events.lastPosition()).toBe(500), { timeoutMs: 50_000 });
    console.info(`500 with care in ${Math.round(performance.now() - began)} ms, ${commits()} commits`);
    // Two for each group of 25.
    expect(commits()).toBeGreaterThanOrEqual(40);
    expect(commits()).toBeLessThan(200);
  }, 60_000);
});
