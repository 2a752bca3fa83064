import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { type Context, contexts } from '../../../src/app/config.ts';
import { orderflowTopology } from '../../../src/app/messaging/topology.ts';
import type { OrderDocument } from '../../../src/domain/orders/orderDocument.ts';
import { eventually } from '../../support/eventually.ts';
import { propertyOptions } from '../../support/properties.ts';
import { rabbitmqAdmin } from '../../support/rabbitmq.ts';
import { randomFrom } from '../../support/randomFrom.ts';
import { describeWithService, rabbitmqUrl, uniquePrefix } from '../../support/services.ts';
import { secretOf } from '../../support/webhooks.ts';
import { receiveNotifications } from './notificationReceiver.ts';
import { type OrderLives, orderLives } from './orderLives.ts';
import { followOrders, type OrderNews } from './orderNews.ts';
import { countsFor } from './orderPlans.ts';
import { paymentProvider, providerName, providerSecret } from './paymentProvider.ts';
import { persistentClient } from './persistentClient.ts';
import { auditFromInside, auditFromOutside } from './shopAudit.ts';
import { openShopLedger, type ShopLedger } from './shopLedger.ts';
import { type ShopProcesses, startShop } from './shopProcesses.ts';

export interface ChoreographyLoad {
  readonly perSecond: number;
  readonly seconds: number;
  /** From one kill to the next, on average. */
  readonly killEveryMs: number;
  /** How long a killed process stays away, at most. */
  readonly downMs: number;
  readonly paymentDeadlineSeconds: number;
  /** From the last order until nothing is on its way. */
  readonly settleWithinMs: number;
}

/** Orders live all kinds of lives while every process is killed again and again; then all books must agree. */
export const describeChoreography = (title: string, load: ChoreographyLoad): void =>
  describeWithService('rabbitmq', title, () => {
    it(
      'keeps its books, whoever is killed',
      () => surviveKills(load),
      load.seconds * 1_000 + load.settleWithinMs + 300_000,
    );
  });

const surviveKills = async (load: ChoreographyLoad): Promise<void> => {
  // It chooses the lives and the kills; what the processes do meanwhile no seed can repeat.
  const { seed } = propertyOptions();
  const closing: (() => Promise<unknown> | unknown)[] = [];
  const closedAtEnd = <T extends { close(): unknown }>(part: T): T => {
    closing.push(() => part.close());
    return part;
  };
  try {
    const directory = await mkdtemp(join(tmpdir(), 'orderflow-choreography-'));
    closing.push(() => rm(directory, { recursive: true, force: true }));
    const prefix = uniquePrefix();
    const topology = orderflowTopology(prefix);
    const admin = closedAtEnd(await rabbitmqAdmin());
    closing.push(() => admin.remove(topology));
    const receiver = closedAtEnd(await receiveNotifications());
    const settings = {
      BROKER_URL: rabbitmqUrl(),
      QUEUE_PREFIX: prefix,
      LOG_LEVEL: 'info',
      CALLBACK_SECRETS: `${providerName}:${providerSecret}`,
      PAYMENT_DEADLINE_SECONDS: String(load.paymentDeadlineSeconds),
      LOYALTY_RATES: 'EUR:1/100',
      NOTIFY_CHANNELS: 'webhook',
      NOTIFY_WEBHOOK_URL: receiver.url,
      NOTIFY_WEBHOOK_SECRET: secretOf('shop'),
      NOTIFY_ALLOW_PRIVATE: 'yes',
    };
    const shop = closedAtEnd(startShop(directory, settings, (url) => client.follow(url)));
    const client = closedAtEnd(persistentClient(shop.url()));
    await shop.up();
    const provider = paymentProvider(client, randomFrom(seed + 2));
    const news = closedAtEnd(await followOrders(topology.exchangeNames.events, provider.payBack));
    const ledger = closedAtEnd(openShopLedger(shop.files, admin, prefix));

    const counts = countsFor(load.perSecond * load.seconds);
    await countStock(await shop.url(), counts);
    const stranger = crypto.randomUUID();
    await provider.capture({ id: stranger, total: 4_200 });

    const lives = orderLives(
      { client, provider, news },
      { perSecond: load.perSecond, random: randomFrom(seed + 4) },
    );
    closing.push(() => lives.stop());
    const started = performance.now();
    lives.go();
    const kills = await killAtRandom(shop, news, randomFrom(seed), load);
    lives.stop();
    const ended = performance.now();
    await shop.up();
    await lives.pause();
    await settle(ledger, lives, () => shop.url(), load.settleWithinMs, provider.beKind);
    const loadSeconds = (ended - started) / 1_000;
    const settledIn = (performance.now() - ended) / 1_000;

    expect([...lives.surprises, ...provider.refused].slice(0, 3)).toEqual([]);
    const url = await shop.url();
    const placed = new Set(lives.placed.keys());
    const documents = await auditFromOutside(url, { placed, counts, stranger });
    const { files } = shop;
    const { taken } = provider;
    await auditFromInside({ files, url, documents, counts, taken, keysOf: receiver.keysOf });
    expect(await shop.stop()).toEqual(contexts.map(() => 0));
    // What was in somebody's hands would be back in its queue.
    expect(await ledger.left()).toEqual([]);
    expect(shop.output()).not.toMatch(/unhandled|"level":60/);

    const ends = endsOf(documents);
    console.info(
      [
        `${placed.size} orders in ${loadSeconds.toFixed(1)} s, ${(placed.size / loadSeconds).toFixed(0)} per second`,
        `${kills.size === 0 ? 'no' : [...kills].map(([name, count]) => `${count} × ${name}`).join(', ')} killed`,
        `${client.repeated()} requests sent again, ${receiver.repeated()} notifications came again`,
        `nothing left ${settledIn.toFixed(1)} s after the last`,
        [...ends].map(([end, count]) => `${count} ${end}`).join(', '),
      ].join('\n'),
    );
    for (const end of everyEnd) expect(ends.get(end) ?? 0, end).toBeGreaterThan(0);
  } finally {
    for (const close of closing.toReversed()) await close();
  }
};

const countStock = async (url: string, counts: ReadonlyMap<string, number>): Promise<void> => {
  for (const [sku, onHand] of counts) {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ onHand });
    const { status } = await fetch(`${url}/v1/stock/${sku}`, { method: 'PUT', headers, body });
    expect(status).toBe(200);
  }
};

/** About as long as a consumer has a message in hand: who dies within it has some that were not acknowledged. */
const handlingMs = 15;

/** Each context in turn, in an order that changes from round to round, so that none is spared. */
const killAtRandom = async (
  shop: ShopProcesses,
  news: OrderNews,
  random: () => number,
  { seconds, killEveryMs, downMs }: ChoreographyLoad,
): Promise<ReadonlyMap<Context, number>> => {
  const kills = new Map<Context, number>();
  const until = performance.now() + seconds * 1_000;
  let round: Context[] = [];
  // No wait for anything: the moments of death are random, and the load has its time.
  await sleep(random() * killEveryMs);
  while (performance.now() < until) {
    if (round.length === 0) round = shuffled(contexts, random);
    const context = round.pop() as Context;
    await Promise.race([news.next(), sleep(killEveryMs)]);
    await sleep(random() * handlingMs);
    await shop.kill(context, random() * downMs);
    kills.set(context, (kills.get(context) ?? 0) + 1);
    await sleep(Math.min(random() * 2 * killEveryMs, Math.max(0, until - performance.now())));
  }
  return kills;
};

const shuffled = <T>(all: readonly T[], random: () => number): T[] =>
  all
    .map((one) => [random(), one] as const)
    .sort(([one], [other]) => one - other)
    .map(([, one]) => one);

/** Waits until nothing is on its way. A refund that failed leaves money of an order that is over: it is asked again. */
const settle = async (
  ledger: ShopLedger,
  lives: OrderLives,
  url: () => Promise<string>,
  timeoutMs: number,
  noMoreFailures: () => void,
): Promise<void> => {
  noMoreFailures();
  for (;;) {
    await eventually(async () => expect(await ledger.left()).toEqual([]), { timeoutMs, intervalMs: 500 });
    const owed = await owedBack(await url());
    if (owed.length === 0) return;
    for (const id of owed) expect(await lives.askBack(id)).toBe(true);
  }
};

const owedBack = async (url: string): Promise<readonly string[]> => {
  const owed: string[] = [];
  for (let query: string | null = ''; query !== null; ) {
    const answer = await fetch(`${url}/v1/orders?status=cancelled&limit=200${query}`);
    const { items, next } = (await answer.json()) as {
      readonly items: readonly OrderDocument[];
      readonly next: string | null;
    };
    for (const { id, captured, refunded } of items) if (captured > refunded) owed.push(id);
    query = next === null ? null : `&cursor=${next}`;
  }
  return owed;
};

/** Of each of these there must be some: a run without them would show nothing. */
const everyEnd = [
  'confirmed',
  'shipped',
  'delivered',
  'delivered, paid back',
  'cancelled: customer',
  'cancelled: customer, paid back',
  'cancelled: out_of_stock, paid back',
  'cancelled: expired',
  'cancelled: payment_failed',
];

const endOf = ({ status, cancelReason, refunded }: OrderDocument): string =>
  `${status}${cancelReason === null ? '' : `: ${cancelReason}`}${refunded > 0 ? ', paid back' : ''}`;

const endsOf = (documents: ReadonlyMap<string, OrderDocument>): ReadonlyMap<string, number> => {
  const ends = new Map<string, number>();
  for (const document of documents.values()) {
    const end = endOf(document);
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  return ends;
};
