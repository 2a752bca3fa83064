import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { listenToEvents } from '../support/eventListener.ts';
import { eventually } from '../support/eventually.ts';
import { everythingIsPublishedInOrder } from '../support/everythingIsPublished.ts';
import { type ServerProcess, startServer } from '../support/serverProcess.ts';
import { describeWithService, rabbitmqUrl, uniquePrefix } from '../support/services.ts';

const kills = 20;
const clients = 16;

describeWithService('rabbitmq', 'kill -9 under load', () => {
  it(`keeps every promise through ${kills} kills at random moments`, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'orderflow-kill-'));
    const file = join(directory, 'orders.db');
    const prefix = uniquePrefix();
    const listener = await listenToEvents(prefix);
    const start = () =>
      startServer({
        DATABASE_URL: `sqlite:${file}`,
        BROKER_URL: rabbitmqUrl(),
        QUEUE_PREFIX: prefix,
        LOG_LEVEL: 'info',
      });
    const world: World = { server: await start(), answers: new Map(), finished: false };

    try {
      const load = Promise.all(Array.from({ length: clients }, (_, client) => shop(world, client)));
      for (let kill = 0; kill < kills; kill += 1) {
        const until = world.answers.size + randomInt(20, 200);
        await eventually(() => expect(world.answers.size).toBeGreaterThanOrEqual(until), { intervalMs: 1 });
        await sleep(randomInt(0, 20)); // not a wait for anything: the moment of death is random
        await world.server.kill();
        world.server = await start();
      }
      world.finished = true;
      await load;

      await everyAnswerStands(world);
      await everythingIsPublishedInOrder(file, listener);
      const [messages, repeated] = [listener.ids().size, listener.count() - listener.ids().size];
      console.info(
        `${kills} kills: ${world.answers.size} answers, ${messages} messages, ${repeated} delivered again`,
      );
      expect(await world.server.stop()).toBe(0);
    } finally {
      world.finished = true;
      await world.server.kill();
      await listener.close();
      await rm(directory, { recursive: true });
    }
  }, 180_000);
});

interface Answer {
  readonly path: string;
  readonly body: string;
  readonly status: number;
  readonly text: string;
}

interface World {
  server: ServerProcess;
  /** Every answered request, by its idempotency key. */
  readonly answers: Map<string, Answer>;
  finished: boolean;
}

/** A client that places orders and cancels some, and repeats each request with its key until it is answered. */
const shop = async (world: World, client: number): Promise<void> => {
  for (let turn = 0; !world.finished; turn += 1) {
    const order = {
      customerId: `c-${client}`,
      currency: 'EUR',
      lines: [{ sku: 'tea', quantity: 1, unitPrice: turn }],
    };
    const { text } = await persist(world, `${client}-${turn}-place`, '/v1/orders', JSON.stringify(order));
    if (turn % 3 === 0) {
      const { id } = JSON.parse(text) as { id: string };
      await persist(
        world,
        `${client}-${turn}-cancel`,
        `/v1/orders/${id}/cancel`,
        '{"reason":"changed my mind"}',
      );
    }
  }
};

const persist = async (world: World, key: string, path: string, body: string): Promise<Answer> => {
  for (;;) {
    const answer = await post(world.server.url, key, path, body);
    if (answer !== undefined && answer.status < 500) {
      expect(answer.status, answer.text).toBeLessThan(300);
      world.answers.set(key, answer);
      return answer;
    }
    await sleep(5); // between attempts of a client whose server is gone
  }
};

/** Undefined when the connection broke before an answer came. */
const post = async (url: string, key: string, path: string, body: string): Promise<Answer | undefined> => {
  try {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body,
    });
    return { path, body, status: response.status, text: await response.text() };
  } catch {
    return undefined;
  }
};

/** Every repetition gets the first answer byte for byte, and there are as many orders as there were keys. */
const everyAnswerStands = async (world: World): Promise<void> => {
  const { url } = world.server;
  for (const [key, first] of world.answers) {
    const again = await post(url, key, first.path, first.body);
    expect(again).toEqual(first);
  }
  const placed = [...world.answers.values()].filter(({ path }) => path === '/v1/orders').length;
  const listed = new Set<string>();
  for (let page = '/v1/orders?limit=200'; page !== ''; ) {
    const response = await fetch(url + page);
    const { items, next } = (await response.json()) as { items: { id: string }[]; next: string | null };
    for (const { id } of items) listed.add(id);
    page = next === null ? '' : `/v1/orders?limit=200&cursor=${next}`;
  }
  expect(listed.size).toBe(placed);
};
