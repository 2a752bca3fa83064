import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConsumeMessage } from 'amqplib';
import { expect, it } from 'vitest';
import { orderflowTopology } from '../../src/app/messaging/topology.ts';
import { eventually } from '../support/eventually.ts';
import { placeOverHttp } from '../support/placeOverHttp.ts';
import { orderflow } from '../support/programs.ts';
import { type RabbitmqAdmin, rabbitmqAdmin } from '../support/rabbitmq.ts';
import { startServer } from '../support/serverProcess.ts';
import { describeWithService, rabbitmqUrl, uniquePrefix } from '../support/services.ts';

const orderCount = 200;

describeWithService('rabbitmq', 'a replay on RabbitMQ', () => {
  it('brings a newcomer everything, once more and in order, through a kill, while orders come in', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'orderflow-replay-'));
    const prefix = uniquePrefix();
    const { exchangeNames, ...topology } = orderflowTopology(prefix);
    const queues = { newcomer: `${prefix}newcomer`, bystander: `${prefix}bystander` };
    const admin = await rabbitmqAdmin();
    const env = {
      DATABASE_URL: `sqlite:${join(directory, 'orders.db')}`,
      BROKER_URL: rabbitmqUrl(),
      QUEUE_PREFIX: prefix,
      // Only what clients do is to be told, not what follows from it.
      ROLES: 'api,relay,orders',
    };
    let server = await startServer(env);
    let live = true;
    try {
      const bystander = await listen(admin, queues.bystander, [exchangeNames.events, '#']);
      const ids = await Promise.all(Array.from({ length: orderCount }, () => placeOverHttp(server.url)));
      for (const id of ids.slice(0, 50)) await post(`${server.url}/v1/orders/${id}/cancel`, {});
      await eventually(async () => expect(await outboxOf(server.url)).toMatchObject({ pending: 0 }));
      await eventually(() => expect(bystander).toHaveLength(orderCount + 50));
      const first = new Map(bystander.map((message) => [idOf(message), message.content.toString()]));

      // Nobody has the queue yet: the job says so, and goes on when it is there.
      const request = { queue: queues.newcomer, ratePerSecond: 100 };
      const job = (await (await post(`${server.url}/v1/admin/replay`, request)).json()) as { id: string };
      const status = () => json<Status>(`${server.url}/v1/admin/replays/${job.id}`);
      await eventually(async () => expect((await status()).waiting.error).toContain('not routed'));
      const newcomer = await listen(admin, queues.newcomer, [exchangeNames.tasks, queues.newcomer]);
      await post(`${server.url}/v1/admin/outbox/retry`, {});

      const traffic = keepPlacing(
        () => server.url,
        () => live,
      );
      await eventually(() => expect(newcomer.length).toBeGreaterThan(60), { timeoutMs: 30_000 });
      await server.kill();
      expect(newcomer.length).toBeLessThan(first.size);
      server = await startServer(env);
      const done = await eventually(
        async () => {
          const now = await status();
          expect(now.state).toBe('done');
          return now;
        },
        { timeoutMs: 60_000 },
      );
      live = false;
      const placed = await traffic;

      expect(done).toMatchObject({ sent: first.size, waiting: { unpublished: 0, error: null } });
      await eventually(() => expect(new Set(newcomer.map(idOf)).size).toBe(first.size));
      // At least once, each as it was published first, in order per source, and nothing of the live traffic.
      for (const message of newcomer) expect(message.content.toString()).toBe(first.get(idOf(message)));
      for (const [source, sequences] of firstSightings(newcomer))
        expect(sequences, source).toEqual(sequences.map((_, index) => index + 1));
      await eventually(() => expect(new Set(bystander.map(idOf)).size).toBeGreaterThan(orderCount + 50));
      expect(bystander.some(isReplayed)).toBe(false);
      expect(newcomer.every(isReplayed)).toBe(true);
      expect(placed).toBeGreaterThan(0);

      // From the command line, a part of it.
      const args = ['replay', '--queue', queues.newcomer, '--stream', `orders/${ids[0]}`, '--json'];
      const before = newcomer.length;
      const ended = await orderflow(args, env);
      expect(ended.stderr).toMatch(/^replaying: /);
      expect(JSON.parse(ended.stdout)).toMatchObject({ state: 'done', sent: 2 });
      await eventually(() => expect(newcomer).toHaveLength(before + 2));
    } finally {
      live = false;
      await server.kill();
      await admin.remove({
        ...topology,
        exchangeNames,
        queues: [...topology.queues, ...Object.values(queues).map((name) => ({ name, arguments: {} }))],
      });
      await admin.close();
      await rm(directory, { recursive: true });
    }
  }, 180_000);

  it('stops publishing in every instance at once when the relay is paused, and goes on', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'orderflow-pause-'));
    const prefix = uniquePrefix();
    const topology = orderflowTopology(prefix);
    const admin = await rabbitmqAdmin();
    const env = {
      DATABASE_URL: `sqlite:${join(directory, 'orders.db')}`,
      BROKER_URL: rabbitmqUrl(),
      QUEUE_PREFIX: prefix,
      // Only what clients do is to be told, not what follows from it.
      ROLES: 'api,relay,orders',
    };
    const servers = [await startServer(env), await startServer(env)];
    const [one, other] = servers;
    const states = () => Promise.all(servers.map(async ({ url }) => (await outboxOf(url)).relay.state));
    try {
      const name = `${prefix}watch`;
      const arrived = await listen(admin, name, [topology.exchangeNames.events, 'order.placed']);
      await placeOverHttp(one!.url);
      await eventually(() => expect(arrived).toHaveLength(1));
      await post(`${one!.url}/v1/admin/relay/pause`, {});
      await eventually(() => expect(other!.output()).toContain('the relay is paused'));
      await placeOverHttp(other!.url);
      expect(await states()).toEqual(['paused', 'paused']);
      await other!.kill();
      servers[1] = await startServer(env);
      expect(await outboxOf(servers[1].url)).toMatchObject({ pending: 1, relay: { state: 'paused' } });
      expect(arrived).toHaveLength(1);
      expect((await orderflow(['relay', 'resume'], env)).stdout).toContain('not paused');
      await eventually(() => expect(arrived).toHaveLength(2));
      await admin.channel.deleteQueue(name);
    } finally {
      for (const server of servers) await server.kill();
      await admin.remove(topology);
      await admin.close();
      await rm(directory, { recursive: true });
    }
  }, 60_000);
});

interface Status {
  readonly state: string;
  readonly sent: number;
  readonly waiting: { readonly unpublished: number; readonly error: string | null };
}

/** A stranger's queue, bound to one exchange; what comes is kept, in order. */
const listen = async (
  { channel }: RabbitmqAdmin,
  queue: string,
  [exchange, key]: readonly [exchange: string, key: string],
): Promise<readonly ConsumeMessage[]> => {
  const messages: ConsumeMessage[] = [];
  // The service declares it as well, a moment after it listens.
  await channel.assertExchange(exchange, exchange.endsWith('.events') ? 'topic' : 'direct');
  await channel.assertQueue(queue);
  await channel.bindQueue(queue, exchange, key);
  const take = (message: ConsumeMessage | null) => {
    if (message !== null) messages.push(message);
  };
  await channel.consume(queue, take, { noAck: true });
  return messages;
};

/** Places orders one after another, whatever happens to the server; returns how many. */
const keepPlacing = async (url: () => string, wanted: () => boolean): Promise<number> => {
  let placed = 0;
  while (wanted()) {
    const id = await placeOverHttp(url()).catch(() => undefined);
    if (id !== undefined) placed += 1;
  }
  return placed;
};

const firstSightings = (messages: readonly ConsumeMessage[]): ReadonlyMap<string, readonly number[]> => {
  const sightings = new Map<string, number[]>();
  const seen = new Set<string>();
  for (const message of messages) {
    if (seen.has(idOf(message))) continue;
    seen.add(idOf(message));
    const { source, sequence } = JSON.parse(message.content.toString());
    sightings.set(source, [...(sightings.get(source) ?? []), Number(sequence)]);
  }
  return sightings;
};

const idOf = ({ properties }: ConsumeMessage): string => String(properties.messageId);

const isReplayed = ({ properties }: ConsumeMessage): boolean =>
  properties.headers?.['x-orderflow-replay'] !== undefined;

const outboxOf = (url: string) =>
  json<{ readonly pending: number; readonly relay: { readonly state: string } }>(`${url}/v1/admin/outbox`);

let keys = 0;
const post = async (url: string, body: object): Promise<Response> => {
  keys += 1;
  const headers = { 'content-type': 'application/json', 'idempotency-key': `replay-${keys}` };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response;
};

const json = async <T>(url: string): Promise<T> => (await (await fetch(url)).json()) as T;
