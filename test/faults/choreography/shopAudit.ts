import { expect } from 'vitest';
import { openSqliteStores } from '../../../src/adapters/sql/openSqliteStores.ts';
import { silentLogger } from '../../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../../src/adapters/system/SystemClock.ts';
import { readState } from '../../../src/app/commands/readState.ts';
import { type Context, contexts } from '../../../src/app/config.ts';
import { orderModel } from '../../../src/app/orders/orderModel.ts';
import type { Order } from '../../../src/domain/orders/order.ts';
import { type OrderDocument, orderDocument } from '../../../src/domain/orders/orderDocument.ts';
import type { Stores } from '../../../src/ports/stores.ts';
import {
  expectCustomerWasToldOnce,
  expectOrderIsWell,
  expectPointsAreRight,
  expectStockIsConserved,
  pointsDueTo,
} from '../../support/shopBooks.ts';
import { customers } from './orderPlans.ts';

const tenant = 'default';

const json = async <T>(url: string): Promise<T> => {
  const answer = await fetch(url);
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status}`);
  return (await answer.json()) as T;
};

/** What everybody can see over HTTP when nothing is on its way. */
export interface SeenFromOutside {
  /** Of the orders that were answered with 201. */
  readonly placed: ReadonlySet<string>;
  /** What was counted before the first order, by SKU. */
  readonly counts: ReadonlyMap<string, number>;
  /** An order that never was, which money came for. */
  readonly stranger: string;
}

/** Checks it, and returns all orders by their ids. */
export const auditFromOutside = async (
  url: string,
  { placed, counts, stranger }: SeenFromOutside,
): Promise<ReadonlyMap<string, OrderDocument>> => {
  const documents = await everyOrder(url);
  expect(new Set(documents.keys())).toEqual(placed);
  for (const [sku, counted] of counts) {
    const pieces = (...statuses: readonly string[]): number =>
      [...documents.values()]
        .filter(({ status }) => statuses.includes(status))
        .flatMap(({ lines }) => lines)
        .reduce((sum, line) => (line.sku === sku ? sum + line.quantity : sum), 0);
    const [onHand, reserved] = [counted - pieces('shipped', 'delivered'), pieces('confirmed')];
    const expected = { sku, onHand, reserved, available: onHand - reserved };
    expect(await json(`${url}/v1/stock/${sku}`)).toEqual(expected);
  }
  const parked = await json<{ items: readonly object[] }>(`${url}/v1/admin/callbacks?state=parked`);
  expect(parked.items).toMatchObject([{ fact: { orderId: stranger } }]);
  expect(await json(`${url}/v1/admin/dead-letters`)).toMatchObject({ items: [] });
  expect(await json(`${url}/v1/admin/held`)).toMatchObject({ items: [] });
  return documents;
};

export const everyOrder = async (url: string): Promise<ReadonlyMap<string, OrderDocument>> => {
  const documents = new Map<string, OrderDocument>();
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = cursor === '' ? '' : `&cursor=${cursor}`;
    const page: OrderPage = await json(`${url}/v1/orders?limit=200${query}`);
    for (const document of page.items) documents.set(document.id, document);
    cursor = page.next;
  }
  return documents;
};

interface OrderPage {
  readonly items: readonly OrderDocument[];
  readonly next: string | null;
}

/** What each context has written, read from its own database. */
export interface SeenFromInside {
  readonly files: Readonly<Record<Context, string>>;
  readonly url: string;
  readonly documents: ReadonlyMap<string, OrderDocument>;
  readonly counts: ReadonlyMap<string, number>;
  /** What the payment provider took for an order. */
  readonly taken: (orderId: string) => number;
  /** The keys of what customers were told, by order. */
  readonly keysOf: ReadonlyMap<string, ReadonlySet<string>>;
}

export const auditFromInside = async (seen: SeenFromInside): Promise<void> => {
  const { files, url, documents, counts, taken, keysOf } = seen;
  const opened = await Promise.all(contexts.map(async (name) => [name, await openStores(files[name])]));
  const stores = Object.fromEntries(opened) as Record<Context, Stores>;
  try {
    const orders: Order[] = [];
    for (const [id, document] of documents) {
      const { state: order, version } = await readState(orderModel, stores.orders, tenant, id);
      if (order === null) throw new Error(`the order ${id} is not there`);
      expect(orderDocument(id, version, order)).toEqual(document);
      expectOrderIsWell(order);
      expect(order.captured, id).toBe(taken(id));
      await expectCustomerWasToldOnce(stores.notifications, id, order, keysOf.get(id) ?? new Set());
      orders.push(order);
    }
    await expectStockIsConserved(stores.inventory, [...counts.keys()], [...documents.keys()]);
    await expectPointsAreRight(stores.loyalty, customers, orders);
    for (const customer of customers)
      expect(await json(`${url}/v1/loyalty/${customer}`)).toMatchObject({
        points: pointsDueTo(customer, orders),
      });
  } finally {
    for (const one of Object.values(stores)) await one.close();
  }
};

const openStores = (file: string): Promise<Stores> =>
  openSqliteStores({ file, migrate: 'check', clock: systemClock, logger: silentLogger });
