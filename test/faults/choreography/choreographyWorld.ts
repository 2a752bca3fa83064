import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { orderflowTopology } from '../../../src/app/messaging/topology.ts';
import { rabbitmqAdmin } from '../../support/rabbitmq.ts';
import { randomFrom } from '../../support/randomFrom.ts';
import { rabbitmqUrl, uniquePrefix } from '../../support/services.ts';
import { secretOf } from '../../support/webhooks.ts';
import { type NotificationReceiver, receiveNotifications } from './notificationReceiver.ts';
import { type OrderLives, orderLives } from './orderLives.ts';
import { followOrders, type OrderNews } from './orderNews.ts';
import { countsFor } from './orderPlans.ts';
import { type PaymentProvider, paymentProvider, providerName, providerSecret } from './paymentProvider.ts';
import { type PersistentClient, persistentClient } from './persistentClient.ts';
import { openShopLedger, type ShopLedger } from './shopLedger.ts';
import { type ShopProcesses, startShop } from './shopProcesses.ts';

/** A shop in earnest, and everybody who deals with it. */
export interface ChoreographyWorld {
  readonly shop: ShopProcesses;
  readonly client: PersistentClient;
  readonly provider: PaymentProvider;
  readonly news: OrderNews;
  readonly receiver: NotificationReceiver;
  readonly ledger: ShopLedger;
  readonly lives: OrderLives;
  /** What was counted before the first order, by SKU. */
  readonly counts: ReadonlyMap<string, number>;
  /** An order that never was, which money came for. */
  readonly stranger: string;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly seed: number;
  readonly perSecond: number;
  /** About how many orders are to come. */
  readonly orders: number;
  readonly paymentDeadlineSeconds: number;
}

export const openChoreographyWorld = async (options: WorldOptions): Promise<ChoreographyWorld> => {
  const { seed, perSecond, orders, paymentDeadlineSeconds } = options;
  const closing: (() => Promise<unknown> | unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const end of closing.toReversed()) await end();
  };
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
    const settings = settingsOf(prefix, receiver.url, paymentDeadlineSeconds);
    const shop = closedAtEnd(startShop(directory, settings, (url) => client.follow(url)));
    const client = closedAtEnd(persistentClient(shop.url()));
    await shop.up();
    const provider = paymentProvider(client, randomFrom(seed + 2));
    const news = closedAtEnd(await followOrders(topology.exchangeNames.events, provider.payBack));
    const ledger = closedAtEnd(openShopLedger(shop.files, admin, prefix));
    const lives = orderLives({ client, provider, news }, { perSecond, random: randomFrom(seed + 4) });
    closing.push(() => lives.stop());
    const counts = countsFor(orders);
    await countStock(await shop.url(), counts);
    const stranger = crypto.randomUUID();
    await provider.capture({ id: stranger, total: 4_200 });
    return { shop, client, provider, news, receiver, ledger, lives, counts, stranger, close };
  } catch (error) {
    await close();
    throw error;
  }
};

const settingsOf = (
  prefix: string,
  receiverUrl: string,
  deadlineSeconds: number,
): Readonly<Record<string, string>> => ({
  BROKER_URL: rabbitmqUrl(),
  QUEUE_PREFIX: prefix,
  LOG_LEVEL: 'info',
  CALLBACK_SECRETS: `${providerName}:${providerSecret}`,
  PAYMENT_DEADLINE_SECONDS: String(deadlineSeconds),
  LOYALTY_RATES: 'EUR:1/100',
  NOTIFY_CHANNELS: 'webhook',
  NOTIFY_WEBHOOK_URL: receiverUrl,
  NOTIFY_WEBHOOK_SECRET: secretOf('shop'),
  NOTIFY_ALLOW_PRIVATE: 'yes',
});

const countStock = async (url: string, counts: ReadonlyMap<string, number>): Promise<void> => {
  for (const [sku, onHand] of counts) {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ onHand });
    const { status } = await fetch(`${url}/v1/stock/${sku}`, { method: 'PUT', headers, body });
    if (status !== 200) throw new Error(`the stock of ${sku} cannot be counted: ${status}`);
  }
};
