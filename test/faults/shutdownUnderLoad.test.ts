import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { workQueueOf } from '../../src/app/messaging/topology.ts';
import { listenToEvents } from '../support/eventListener.ts';
import { eventually } from '../support/eventually.ts';
import { everythingIsPublishedInOrder } from '../support/everythingIsPublished.ts';
import { placeOrders } from '../support/orderLoad.ts';
import { type RabbitmqAdmin, rabbitmqAdmin } from '../support/rabbitmq.ts';
import { startServer } from '../support/serverProcess.ts';
import { describeWithService, rabbitmqUrl, uniquePrefix } from '../support/services.ts';
import { stockTeller } from '../support/stockTeller.ts';

const prefetch = 50;
const copies = 10;

describeWithService('rabbitmq', 'a shutdown under load', () => {
  it('finishes what is in hand, awaits its confirms, and leaves nothing unacked, lost or done twice', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'orderflow-stop-'));
    const file = join(directory, 'orders.db');
    const prefix = uniquePrefix();
    const queue = workQueueOf(prefix, 'orders');
    const listener = await listenToEvents(prefix);
    const admin = await rabbitmqAdmin();
    const env = {
      DATABASE_URL: `sqlite:${file}`,
      BROKER_URL: rabbitmqUrl(),
      QUEUE_PREFIX: prefix,
      ROLES: 'api,relay,orders',
      CONSUMER_PREFETCH: String(prefetch),
    };
    const { tell, told } = await stockTeller(admin, prefix);
    let server = await startServer(env);
    try {
      // Before both connections have declared everything, what is told has nowhere to go.
      await eventually(() => expect(server.output().match(/connected to the broker/g)).toHaveLength(2));
      const load = placeOrders(server.url, { clients: 8, onAccepted: tell });
      await eventually(() => expect(load.accepted.length).toBeGreaterThan(200), { timeoutMs: 30_000 });
      // So that the stop finds the consumer at work: each message comes many times.
      for (let copy = 0; copy < copies; copy += 1) for (const id of load.accepted) tell(id);
      // The default leaves 15 s; whoever takes longer is late.
      expect(await server.stop()).toBe(0);
      await load.stop();
      await told();
      expect(server.output()).not.toMatch(/too long|not stop cleanly|unhandled/);
      // None is unacked: those that are not handled wait in the queue, and what waits was in nobody's hand.
      const waiting = await waitingIn(admin, queue);
      expect(waiting.length).toBeGreaterThan(0);
      expect(waiting.filter(({ redelivered }) => redelivered).length).toBeLessThanOrEqual(prefetch);
      server = await startServer(env);
      await everythingIsPublishedInOrder(file, listener, 30_000);
      // Every confirm was awaited and marked, so none of the events went out twice; the copies are the test's own.
      expect(listener.repeated('/orderflow/orders/')).toBe(0);
      await eventually(
        async () => expect(await reservedAmong(server.url, load.accepted)).toBe(load.accepted.length),
        {
          timeoutMs: 60_000,
          intervalMs: 200,
        },
      );
      expect(await server.stop()).toBe(0);
      expect(await waitingIn(admin, queue)).toEqual([]);
    } finally {
      await server.kill();
      await listener.close();
      await admin.close();
      await rm(directory, { recursive: true });
    }
  }, 180_000);
});

/** What waits in a queue that nobody consumes, as a consumer would see it; given back afterwards. */
const waitingIn = async (
  admin: RabbitmqAdmin,
  queue: string,
): Promise<readonly { readonly redelivered: boolean }[]> => {
  const channel = await admin.connection.createChannel();
  try {
    const { messageCount, consumerCount } = await eventually(async () => {
      const counts = await channel.checkQueue(queue);
      expect(counts.consumerCount).toBe(0);
      return counts;
    });
    expect(consumerCount).toBe(0);
    const waiting: { redelivered: boolean }[] = [];
    for (let count = 0; count < messageCount; count += 1) {
      const message = await channel.get(queue);
      if (message === false) break;
      waiting.push({ redelivered: message.fields.redelivered });
    }
    expect(waiting).toHaveLength(messageCount);
    return waiting;
  } finally {
    await channel.close();
  }
};

/** How many of these orders have had the effect of their stock message, once. */
const reservedAmong = async (url: string, ids: readonly string[]): Promise<number> => {
  let reserved = 0;
  for (const id of ids) {
    const order = (await (await fetch(`${url}/v1/orders/${id}`)).json()) as {
      stock: string;
      version: number;
    };
    if (order.stock !== 'reserved') continue;
    expect(order.version).toBe(2);
    reserved += 1;
  }
  return reserved;
};
