import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { orderflowTopology } from '../../src/app/messaging/topology.ts';
import { eventually } from '../support/eventually.ts';
import { type RabbitmqAdmin, rabbitmqAdmin } from '../support/rabbitmq.ts';
import { startServer } from '../support/serverProcess.ts';
import { describeWithService, rabbitmqUrl, uniquePrefix } from '../support/services.ts';

const environment = { PATH: process.env.PATH };

/** Debian's package is seen only by Debian's Python, which need not be the first on the PATH. */
const pythonWithPika = ['python3', '/usr/bin/python3'].find(
  (python) => spawnSync(python, ['-c', 'import pika'], { env: environment }).status === 0,
);
const followsInPython = 'the Python subscriber handles each event once and in order, also after a restart';

describeWithService('rabbitmq', 'the examples', () => {
  it('the audit subscriber, started before the service, prints the orders placed and nothing else', async () => {
    await inWorld(async ({ prefix, start, listen }) => {
      const audit = listen(process.execPath, 'audit-subscriber/audit.ts', 3);
      await audit.listening();
      const url = await start();
      const ids = [await place(url)];
      await cancel(url, ids[0]!);
      ids.push(await place(url), await place(url));
      await audit.ended();
      expect(audit.stderr()).toBe(`listening to ${prefix}audit-subscriber\n`);
      const printed = audit.lines().map((line) => line.split(' ').slice(1).join(' '));
      const expected = ids.map((id) => `orderflow.order.placed.v1 ${sourceOf(id)} 0000000001`);
      // Between one order and another there is no order.
      expect(printed.sort()).toEqual(expected.sort());
    });
  });

  it('the payment worker reports each payment and refund once, however often it has to', async () => {
    await inWorld(async ({ start, listen }) => {
      const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
      const url = await start({ CALLBACK_SECRETS: `example:${secret}` });
      const unreliable = await loseFirstAnswers(`${url}/v1/callbacks/example`);
      try {
        const env = { CALLBACK_SECRET: secret, CALLBACK_URL: unreliable.url };
        const worker = listen(process.execPath, 'payment-worker/worker.ts', 3, env);
        await worker.listening();
        const [paid, declined] = [await place(url), await place(url, 1313)];
        await eventually(async () => expect(await orderAt(url, paid)).toMatchObject({ payment: 'captured' }));
        await eventually(async () =>
          expect(await orderAt(url, declined)).toMatchObject({ payment: 'failed' }),
        );
        await cancel(url, paid);
        await worker.ended();
        expect(await orderAt(url, paid)).toMatchObject({ status: 'cancelled', payment: 'refunded' });
        expect(
          worker
            .lines()
            .map((line) => JSON.parse(line).type)
            .sort(),
        ).toEqual(['payment.captured', 'payment.failed', 'refund.completed']);
        // Placed, captured, cancelled, asked back, refunded: what was reported twice was recorded once.
        expect(await orderAt(url, paid)).toMatchObject({ version: 5, captured: 2598, refunded: 2598 });
        expect(unreliable.lost()).toBe(3);
      } finally {
        await unreliable.close();
      }
    });
  });

  if (pythonWithPika === undefined) {
    if (process.env.REQUIRE_PIKA === '1') throw new Error('REQUIRE_PIKA=1 demands a python3 that has pika');
    it.skip(`${followsInPython} (skipped: no python3 that can import pika)`, () => undefined);
    return;
  }

  it(followsInPython, async () => {
    await inWorld(async ({ prefix, start, listen, admin }) => {
      const first = listen(pythonWithPika, 'python-subscriber.py', 3);
      await first.listening();
      const url = await start();
      const [kept, cancelled] = [await place(url), await place(url)];
      await cancel(url, cancelled);
      await first.ended();
      expect(first.stderr()).toBe(`listening to ${prefix}python-subscriber\n`);
      expect(first.lines().sort()).toEqual(
        [
          `handled ${sourceOf(kept)} 1 orderflow.order.placed.v1`,
          `handled ${sourceOf(cancelled)} 1 orderflow.order.placed.v1`,
          `handled ${sourceOf(cancelled)} 2 orderflow.order.cancelled.v1`,
        ].sort(),
      );
      expect(first.lines().filter((line) => line.includes(cancelled))[0]).toContain('placed');

      // A repetition of what the service sent, and messages of another order that overtook each other.
      const { events } = orderflowTopology(prefix).exchangeNames;
      const publish = (content: string) =>
        admin.channel.publish(events, 'order.placed', Buffer.from(content), { persistent: true });
      publish(eventOf(kept, 1));
      for (const sequence of [3, 2, 1, 2]) publish(eventOf('another', sequence));
      publish('no event');
      const second = listen(pythonWithPika, 'python-subscriber.py', 6);
      await second.ended();
      const type = 'orderflow.order.placed.v1';
      const another = sourceOf('another');
      expect(second.lines()).toEqual([
        `duplicate ${sourceOf(kept)} 1 ${type}`,
        `ahead (waits for 1) ${another} 3 ${type}`,
        `ahead (waits for 1) ${another} 2 ${type}`,
        `handled ${another} 1 ${type}`,
        `handled ${another} 2 ${type}`,
        `handled ${another} 3 ${type}`,
        `duplicate ${another} 2 ${type}`,
      ]);
      expect(second.stderr()).toContain("unreadable b'no event'");
      await eventually(async () => {
        const queue = await admin.channel.checkQueue(`${prefix}python-subscriber`);
        expect(queue).toMatchObject({ messageCount: 0, consumerCount: 0 });
      });
    });
  });
});

interface World {
  readonly prefix: string;
  readonly admin: RabbitmqAdmin;
  /** Starts the service, and resolves with its URL. */
  start(env?: Readonly<Record<string, string>>): Promise<string>;
  /** Starts an example that ends after `count` messages. */
  listen(
    program: string,
    example: string,
    count: number,
    env?: Readonly<Record<string, string>>,
  ): ReturnType<typeof startListener>;
}

/** A directory and a prefix of its own; afterwards no process, queue or exchange of it is left. */
const inWorld = async (work: (world: World) => Promise<void>): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'orderflow-examples-'));
  const prefix = uniquePrefix();
  const admin = await rabbitmqAdmin();
  const broker = { BROKER_URL: rabbitmqUrl(), QUEUE_PREFIX: prefix };
  const started: { kill(): Promise<void> }[] = [];
  try {
    await work({
      prefix,
      admin,
      start: async (more = {}) => {
        // Without those that react to orders, only what this test asks for happens to them.
        const roles = { ROLES: 'api,relay', DATABASE_URL: `sqlite:${join(directory, 'orders.db')}` };
        const server = await startServer({ ...broker, ...roles, ...more });
        started.push(server);
        return server.url;
      },
      listen: (program, example, count, more = {}) => {
        const env = { ...broker, STATE_FILE: join(directory, 'subscriber.db'), ...more };
        const listener = startListener(program, example, count, env);
        started.push(listener);
        return listener;
      },
    });
  } finally {
    for (const { kill } of started) await kill();
    for (const queue of ['audit-subscriber', 'python-subscriber', 'payment-worker']) {
      await admin.channel.deleteQueue(prefix + queue);
    }
    await admin.remove(orderflowTopology(prefix));
    await admin.close();
    await rm(directory, { recursive: true });
  }
};

const startListener = (
  program: string,
  example: string,
  count: number,
  env: Readonly<Record<string, string>>,
) => {
  const file = fileURLToPath(new URL(`../../examples/${example}`, import.meta.url));
  const child = spawn(program, [file, String(count)], { env: { ...environment, ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const closed = once(child, 'close');
  return {
    /** Resolves when it has ended by itself, and well. */
    ended: async () => {
      await eventually(() => expect(child.exitCode, stderr).toBe(0));
      await closed;
    },
    lines: () => stdout.split('\n').filter((line) => line !== ''),
    stderr: () => stderr,
    /** Resolves when its queue takes what is published from now on. */
    listening: () => eventually(() => expect(stderr).toContain('listening to ')),
    kill: async () => {
      child.kill('SIGKILL');
      await closed;
    },
  };
};

const sourceOf = (orderId: string): string => `/orderflow/orders/${orderId}`;

const eventOf = (orderId: string, sequence: number): string =>
  JSON.stringify({
    type: 'orderflow.order.placed.v1',
    source: sourceOf(orderId),
    sequence: String(sequence).padStart(10, '0'),
  });

const post = async (url: string, body: object): Promise<{ readonly id: string }> => {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
    body: JSON.stringify(body),
  });
  expect(answer.ok, `${url} answered ${answer.status}`).toBe(true);
  return (await answer.json()) as { id: string };
};

const place = async (url: string, total = 2598): Promise<string> => {
  const lines = [{ sku: 'tea-100', quantity: 1, unitPrice: total }];
  return (await post(`${url}/v1/orders`, { customerId: 'c-42', currency: 'EUR', lines })).id;
};

const orderAt = async (url: string, id: string): Promise<unknown> =>
  (await fetch(`${url}/v1/orders/${id}`)).json();

/** Stands before the callbacks of a service, and answers 503 to each one that it has passed on for the first time. */
const loseFirstAnswers = async (target: string) => {
  const known = new Set<unknown>();
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', async () => {
      const names = ['content-type', 'webhook-id', 'webhook-timestamp', 'webhook-signature'];
      const headers = names.map((name): [string, string] => [name, String(req.headers[name])]);
      const answer = await fetch(target, { method: 'POST', headers, body: Buffer.concat(chunks) });
      const isFirst = !known.has(req.headers['webhook-id']);
      known.add(req.headers['webhook-id']);
      res.writeHead(isFirst ? 503 : answer.status).end(await answer.text());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    lost: () => known.size,
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
};

const cancel = (url: string, id: string): Promise<unknown> =>
  post(`${url}/v1/orders/${id}/cancel`, { reason: 'changed my mind' });
