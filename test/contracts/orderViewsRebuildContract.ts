import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OrderViewRow } from '../../src/ports/orderViews.ts';
import { propertyOptions } from '../support/properties.ts';
import type { StoreAdapter } from './storeAdapters.ts';
import { event, stream, view } from './storeFixtures.ts';
import { withStores } from './withStores.ts';

const row = (orderId: string, firstPosition: number, values: Partial<OrderViewRow> = {}): OrderViewRow => ({
  ...view(orderId, firstPosition),
  firstPosition,
  ...values,
});

/** The part of `OrderViewWriter` that puts damaged rows right. */
export const orderViewsRebuildContract = (adapter: StoreAdapter): void => {
  describe('order views, put right', () => {
    const subject = withStores(adapter);
    const save = (...rows: readonly OrderViewRow[]) =>
      subject().stores.unitOfWork.transact((tx) => tx.orderViews.save(rows));
    const replaceRange = (after: number, upTo: number, ...rows: readonly OrderViewRow[]) =>
      subject().stores.unitOfWork.transact((tx) => tx.orderViews.replaceRange(after, upTo, rows));
    const all = async (tenant = 'shop') =>
      (await subject().stores.orderViews.list({ tenant, limit: 10_000 })).toReversed();

    it('adds what is missing, replaces what is wrong, removes what is too much, and counts them', async () => {
      await save(row('right', 1), row('wrong', 2, { status: 'lost' }), row('stray', 3), row('behind', 5));
      const wanted = [row('right', 1), row('wrong', 2), row('missing', 4)];
      expect(await replaceRange(0, 4, ...wanted)).toBe(3);
      expect(await all()).toEqual([...wanted, row('behind', 5)]);
      expect(await replaceRange(0, 4, ...wanted)).toBe(0);
    });

    it('brings an order back that stands elsewhere, and gives its place to its owner', async () => {
      await save(row('first', 2), row('second', 1), row('third', 1_000_000));
      expect(await replaceRange(0, 3, row('first', 1), row('second', 2), row('third', 3))).toBe(3);
      expect(await all()).toEqual([row('first', 1), row('second', 2), row('third', 3)]);
    });

    it('touches neither the ends of the neighbouring stretches nor other tenants behind it', async () => {
      await save(row('before', 10), row('stray', 11), row('last stray', 20), row('after', 21));
      await save(row('before', 9, { tenant: 'other' }), row('stray', 12, { tenant: 'other' }));
      expect(await replaceRange(10, 20)).toBe(3);
      expect(await all()).toEqual([row('before', 10), row('after', 21)]);
      expect(await all('other')).toEqual([row('before', 9, { tenant: 'other' })]);
    });

    it('is rolled back with its transaction', async () => {
      await save(row('a', 1));
      const { unitOfWork } = subject().stores;
      const failing = unitOfWork.transact(async (tx) => {
        await tx.orderViews.replaceRange(0, 10, [row('b', 2)]);
        throw new Error('changed its mind');
      });
      await expect(failing).rejects.toThrow('changed its mind');
      expect(await all()).toEqual([row('a', 1)]);
    });

    it('sees what its transaction has saved', async () => {
      await subject().stores.unitOfWork.transact(async (tx) => {
        await tx.orderViews.save([row('a', 1), row('b', 2)]);
        expect(await tx.orderViews.replaceRange(0, 2, [row('a', 1)])).toBe(1);
        await tx.orderViews.save([{ ...row('a', 1), firstPosition: null, version: 2 }]);
      });
      expect(await all()).toEqual([row('a', 1, { version: 2 })]);
    });

    it('removes orphans behind a position only, where one is named', async () => {
      const { unitOfWork } = subject().stores;
      await unitOfWork.transact((tx) =>
        tx.events.append([{ ...stream('known'), expected: 'none', events: [event()] }]),
      );
      await save(row('orphan-1', 2), row('orphan-2', 3), row('known', 4), row('orphan-3', 5));
      const remove = (after: number) => unitOfWork.transact((tx) => tx.orderViews.deleteOrphans(10, after));
      expect(await remove(2)).toBe(2);
      expect(await all()).toEqual([row('orphan-1', 2), row('known', 4)]);
      expect(await remove(-1_000)).toBe(1);
    });

    it('leaves exactly the wanted rows there, and elsewhere what was there, whatever was stored', async () => {
      const orders = ['a', 'b', 'c', 'd', 'e', 'f'];
      const anyRows = (positions: fc.Arbitrary<number>) =>
        fc
          .uniqueArray(
            fc.record({
              orderId: fc.constantFrom(...orders),
              position: positions,
              status: fc.constantFrom('pending', 'lost'),
            }),
            {
              selector: ({ position }) => position,
              maxLength: 8,
            },
          )
          .map((rows) => [...new Map(rows.map((each) => [each.orderId, each])).values()])
          .map((rows) => rows.map(({ orderId, position, status }) => row(orderId, position, { status })));
      const scenario = fc.record({
        stored: anyRows(fc.integer({ min: -3, max: 20 })),
        wanted: anyRows(fc.integer({ min: 6, max: 12 })),
      });
      const property = fc.asyncProperty(scenario, async ({ stored, wanted }) => {
        const { unitOfWork } = subject().stores;
        await unitOfWork.transact((tx) =>
          tx.orderViews.replaceRange(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, stored),
        );
        const changed = await replaceRange(5, 12, ...wanted);
        const names = new Set(wanted.map(({ orderId }) => orderId));
        const elsewhere = stored.filter(
          ({ orderId, firstPosition }) => !names.has(orderId) && (firstPosition <= 5 || firstPosition > 12),
        );
        const expected = [...elsewhere, ...wanted].sort(
          (one, other) => one.firstPosition - other.firstPosition,
        );
        expect(await all()).toEqual(expected);
        const text = (rows: readonly OrderViewRow[]) => rows.map((each) => JSON.stringify(each));
        const differing = (rows: readonly OrderViewRow[], others: readonly OrderViewRow[]) =>
          rows.filter((each) => !text(others).includes(JSON.stringify(each)));
        const orderIds = [...differing(stored, expected), ...differing(expected, stored)];
        expect(changed).toBe(new Set(orderIds.map(({ orderId }) => orderId)).size);
      });
      await fc.assert(property, propertyOptions({ numRuns: 60 }));
    });
  });
};
