import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OrderViewChange, OrderViewQuery } from '../../src/ports/orderViews.ts';
import { propertyOptions } from '../support/properties.ts';
import type { StoreAdapter } from './storeAdapters.ts';
import { event, stream, view } from './storeFixtures.ts';
import { withStores } from './withStores.ts';

/** The contract of `OrderViewWriter` and `OrderViewReader`. */
export const orderViewsContract = (adapter: StoreAdapter): void => {
  describe('order views', () => {
    const subject = withStores(adapter);
    const save = (...changes: readonly OrderViewChange[]) =>
      subject().stores.unitOfWork.transact((tx) => tx.orderViews.save(changes));
    const list = async (query: Partial<OrderViewQuery> = {}) =>
      (await subject().stores.orderViews.list({ tenant: 'shop', limit: 100, ...query })).map(
        ({ orderId }) => orderId,
      );

    it('gives back a row as it was saved', async () => {
      const row = view('a', 7, { clientReference: 'shop-9001 é', document: '{"note":"“ \\" 😀"}' });
      await save(row, view('b', 8));
      expect(await subject().stores.orderViews.get('shop', 'a')).toEqual(row);
      expect(await subject().stores.orderViews.get('shop', 'b')).toEqual(view('b', 8));
    });

    it('finds no order of another tenant, and none that does not exist', async () => {
      await save(view('a', 7));
      expect(await subject().stores.orderViews.get('other', 'a')).toBeUndefined();
      expect(await subject().stores.orderViews.get('shop', 'absent')).toBeUndefined();
      expect(await list({ tenant: 'other' })).toEqual([]);
    });

    it('replaces a row, which keeps its place', async () => {
      await save(view('a', 7), view('b', 8));
      await save(
        view('a', null, { version: 2, status: 'confirmed', customerId: 'c-2', placedAt: 5, document: 'new' }),
      );
      expect(await subject().stores.orderViews.get('shop', 'a')).toEqual(
        view('a', 7, { version: 2, status: 'confirmed', customerId: 'c-2', placedAt: 5, document: 'new' }),
      );
      await save(view('a', 7, { version: 3 }));
      expect(await subject().stores.orderViews.get('shop', 'a')).toMatchObject({
        version: 3,
        firstPosition: 7,
      });
      expect(await list()).toEqual(['b', 'a']);
    });

    it('creates and replaces rows in one call, and within one transaction', async () => {
      await save(view('a', 7));
      await subject().stores.unitOfWork.transact(async (tx) => {
        await tx.orderViews.save([view('b', 8), view('a', null, { version: 2 })]);
        await tx.orderViews.save([view('b', null, { version: 2 })]);
      });
      expect(await subject().stores.orderViews.get('shop', 'b')).toEqual(view('b', 8, { version: 2 }));
      expect(await subject().stores.orderViews.get('shop', 'a')).toMatchObject({ version: 2 });
    });

    it('takes the place of a lost row from the log', async () => {
      const { stores } = subject();
      await stores.unitOfWork.transact((tx) =>
        tx.events.append(['x', 'a'].map((id) => ({ ...stream(id), expected: 'none', events: [event()] }))),
      );
      await save(view('a', null, { version: 2 }));
      const [, first] = await stores.events.readAll(0, 10);
      expect(await stores.orderViews.get('shop', 'a')).toEqual(view('a', first!.position, { version: 2 }));
      await expect(save(view('never placed', null))).rejects.toThrow('neither a view nor an event');
    });

    it('lists the newest first, page by page', async () => {
      await save(...[3, 1, 5, 2, 4].map((n) => view(`order-${n}`, n)));
      expect(await list()).toEqual(['order-5', 'order-4', 'order-3', 'order-2', 'order-1']);
      expect(await list({ limit: 2 })).toEqual(['order-5', 'order-4']);
      expect(await list({ limit: 2, before: 4 })).toEqual(['order-3', 'order-2']);
      expect(await list({ limit: 2, before: 1 })).toEqual([]);
    });

    it('filters by customer, status, reference and time, all of which must hold', async () => {
      await save(
        view('a', 1, { customerId: 'c-1', status: 'pending', clientReference: 'r-1', placedAt: 10 }),
        view('b', 2, { customerId: 'c-2', status: 'pending', clientReference: 'r-1', placedAt: 20 }),
        view('c', 3, { customerId: 'c-1', status: 'shipped', clientReference: null, placedAt: 30 }),
      );
      expect(await list({ customerId: 'c-1' })).toEqual(['c', 'a']);
      expect(await list({ status: 'pending' })).toEqual(['b', 'a']);
      expect(await list({ clientReference: 'r-1' })).toEqual(['b', 'a']);
      expect(await list({ placedAfter: 10 })).toEqual(['c', 'b']);
      expect(await list({ placedBefore: 30 })).toEqual(['b', 'a']);
      expect(await list({ placedAfter: 10, placedBefore: 30 })).toEqual(['b']);
      expect(await list({ customerId: 'c-1', status: 'pending' })).toEqual(['a']);
      expect(await list({ customerId: 'c-1', before: 3 })).toEqual(['a']);
      expect(await list({ customerId: 'C-1' })).toEqual([]);
    });

    it('follows a row whose customer or status changes', async () => {
      await save(view('a', 1));
      await save(view('a', null, { status: 'shipped', customerId: 'c-9' }));
      expect(await list({ status: 'pending' })).toEqual([]);
      expect(await list({ customerId: 'c-1' })).toEqual([]);
      expect(await list({ status: 'shipped', customerId: 'c-9' })).toEqual(['a']);
    });

    it('removes rows of orders that the log does not know, a few at a time', async () => {
      const { stores } = subject();
      await stores.unitOfWork.transact((tx) =>
        tx.events.append([{ ...stream('known'), expected: 'none', events: [event()] }]),
      );
      await save(
        view('known', 1),
        view('orphan-1', 2),
        view('orphan-2', 3),
        view('orphan-3', 4),
        view('known', 5, { tenant: 'other' }),
      );
      const remove = () => stores.unitOfWork.transact((tx) => tx.orderViews.deleteOrphans(3));
      expect(await remove()).toBe(3);
      expect(await remove()).toBe(1);
      expect(await remove()).toBe(0);
      expect(await list()).toEqual(['known']);
    });

    it('lists what a plain filter over all rows would list', async () => {
      const rows = Array.from({ length: 120 }, (_, n) =>
        view(`order-${n}`, 1 + n * 997, {
          tenant: n % 7 === 0 ? 'other' : 'shop',
          customerId: `c-${n % 5}`,
          status: ['pending', 'shipped', 'cancelled'][n % 3]!,
          clientReference: n % 4 === 0 ? null : `r-${n % 11}`,
          placedAt: (n * 37) % 120,
        }),
      );
      await save(...rows);
      const query = fc.record(
        {
          tenant: fc.constantFrom('shop', 'other'),
          limit: fc.integer({ min: 1, max: 30 }),
          customerId: fc.constantFrom('c-0', 'c-3', 'c-99'),
          status: fc.constantFrom('pending', 'shipped', 'delivered'),
          clientReference: fc.constantFrom('r-1', 'r-5'),
          placedAfter: fc.nat({ max: 120 }),
          placedBefore: fc.nat({ max: 120 }),
          before: fc.oneof(fc.nat({ max: 130 * 997 }), fc.constant(Number.MAX_SAFE_INTEGER)),
        },
        { requiredKeys: ['tenant', 'limit'] },
      );
      await fc.assert(
        fc.asyncProperty(query, async (given) => {
          expect(await list(given)).toEqual(plainList(rows, given));
        }),
        propertyOptions(),
      );
    });
  });
};

const plainList = (rows: readonly OrderViewChange[], query: OrderViewQuery): readonly string[] =>
  rows
    .filter((row) => row.tenant === query.tenant)
    .filter((row) => query.customerId === undefined || row.customerId === query.customerId)
    .filter((row) => query.status === undefined || row.status === query.status)
    .filter((row) => query.clientReference === undefined || row.clientReference === query.clientReference)
    .filter((row) => query.placedAfter === undefined || row.placedAt > query.placedAfter)
    .filter((row) => query.placedBefore === undefined || row.placedAt < query.placedBefore)
    .filter((row) => query.before === undefined || row.firstPosition! < query.before)
    .sort((one, other) => other.firstPosition! - one.firstPosition!)
    .slice(0, query.limit)
    .map(({ orderId }) => orderId);
