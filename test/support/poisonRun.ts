import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { PermanentFailure } from '../../src/app/messaging/consume/incomingMessage.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { publicationOf } from './consumerRig.ts';
import { eventually } from './eventually.ts';
import { rabbitmqAdmin } from './rabbitmq.ts';
import { startRealConsumer } from './realConsumer.ts';
import { uniquePrefix } from './services.ts';

/** Messages of each source; the second of a poisoned one is poison, so that two are held behind it. */
const perSource = 4;
const poisonAt = 2;
const operator = { tenant: 'default', who: 'test' };

export interface PoisonRun {
  readonly messages: number;
  readonly poison: number;
  readonly timeoutMs: number;
}

/**
 * So much poison among so many messages, in a real queue: all of it ends at the desk with its reason, its successors
 * are held, all others are handled; a redrive after the fix handles the rest, in order. Logs how long each part took.
 */
export const runPoison = async ({ messages, poison, timeoutMs }: PoisonRun): Promise<void> => {
  const sources = Array.from({ length: messages / perSource }, (_, index) => `/s${index}`);
  const every = sources.length / poison;
  const poisoned = new Map<string, 'refused' | 'exhausted'>(
    Array.from({ length: poison }, (_, index) => {
      const reason = index % 2 === 0 ? 'refused' : 'exhausted';
      return [`${sources[Math.floor(index * every)]}#${poisonAt}`, reason] as const;
    }),
  );
  const held = poison * (perSource - poisonAt);
  const world = { mended: false };
  const directory = await mkdtemp(join(tmpdir(), 'orderflow-poison-'));
  const admin = await rabbitmqAdmin();
  const consumer = await startRealConsumer({
    prefix: uniquePrefix(),
    file: join(directory, 'consumer.db'),
    retryPolicy: { delaysMs: [50, 100], maxDeaths: 2 },
    before: ({ id }) => {
      const reason = world.mended ? undefined : poisoned.get(id);
      if (reason === 'refused') throw new PermanentFailure('never');
      if (reason === 'exhausted') throw new Error('no luck');
    },
  });
  const { stores, deadLetters } = consumer;
  const wait = { timeoutMs, intervalMs: 50 };
  const startedAt = performance.now();
  const say = (what: string): void => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const megabytes = Math.round(process.memoryUsage().rss / 1e6);
    console.info(`${what} after ${seconds} s, ${megabytes} MB`);
  };
  try {
    for (let sequence = 1; sequence <= perSource; sequence += 1) {
      for (const source of sources) {
        const { id, type, contentType, payload, headers } = publicationOf(source, sequence);
        const properties = { messageId: id, type, contentType, headers, persistent: true };
        const exchange = consumer.topology.exchangeNames.events;
        if (!admin.channel.publish(exchange, 'inventory.test', Buffer.from(payload), properties))
          await new Promise((resolve) => admin.channel.once('drain', resolve));
      }
    }
    say(`${messages} messages published`);
    await eventually(async () => {
      expect(await stores.deadLetters.count('default', {})).toBe(poison);
      expect(await heldRows(stores)).toBe(held);
    }, wait);
    expect(await lettersByReason(stores)).toEqual(tally([...poisoned.values()]));
    await eventually(async () => expect(await countNotes(stores)).toBe(messages - poison - held), wait);
    say(`${poison} at the desk, ${held} held, all others handled`);

    world.mended = true;
    const job = await deadLetters.redrive(operator, { selection: {}, limit: null, ratePerSecond: null });
    expect(job.total).toBe(poison);
    await eventually(async () => expect(await countNotes(stores)).toBe(messages), wait);
    expect(await deadLetters.job('default', job.id)).toMatchObject({ state: 'done', done: poison });
    say('redriven, and everything handled');

    const ordered = Array.from({ length: perSource }, (_, index) => index + 1);
    for (const [source, taken] of await notesBySource(stores))
      expect(taken, source).toEqual(ordered.map((sequence) => `${source}#${sequence}`));
    expect(await stores.deadLetters.count('default', {})).toBe(0);
    expect(await heldRows(stores)).toBe(0);
    await eventually(async () =>
      expect(await admin.channel.checkQueue(consumer.queue)).toMatchObject({ messageCount: 0 }),
    );
  } finally {
    await consumer.stop();
    await admin.remove(consumer.topology);
    await admin.close();
    await rm(directory, { recursive: true });
  }
};

const tally = (values: readonly string[]): Readonly<Record<string, number>> =>
  Object.fromEntries([...Map.groupBy(values, (value) => value)].map(([value, all]) => [value, all.length]));

/** Every effect is one event, and there are no others. */
const countNotes = ({ events }: Stores): Promise<number> => events.lastPosition();

const heldRows = async ({ inbox }: Stores): Promise<number> => {
  const blocked = await inbox.blocked('default', 1_000_000);
  return blocked.reduce((sum, { held }) => sum + held, 0);
};

const lettersByReason = async ({ deadLetters }: Stores): Promise<Readonly<Record<string, number>>> => ({
  refused: await deadLetters.count('default', { reason: 'refused' }),
  exhausted: await deadLetters.count('default', { reason: 'exhausted' }),
});

const notesBySource = async ({ events }: Stores): Promise<ReadonlyMap<string, readonly string[]>> => {
  const taken = new Map<string, string[]>();
  for (let after = 0; ; ) {
    const page = await events.readAll(after, 5_000);
    if (page.length === 0) return taken;
    for (const { stream, data } of page) {
      const source = stream.slice('notes'.length);
      taken.set(source, [...(taken.get(source) ?? []), (data as { note: string }).note]);
    }
    after = page.at(-1)?.position ?? after;
  }
};
