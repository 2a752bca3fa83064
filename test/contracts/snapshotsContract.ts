import { describe, expect, it } from 'vitest';
import type { Snapshot } from '../../src/ports/snapshots.ts';
import type { StoreAdapter } from './storeAdapters.ts';
import { stream } from './storeFixtures.ts';
import { withStores } from './withStores.ts';

const snapshot = (id: string, version: number, values: Partial<Snapshot> = {}): Snapshot => ({
  ...stream(id),
  version,
  published: version - 1,
  schema: 1,
  state: { text: 'é "quoted"', nested: [1, null] },
  ...values,
});

/** The contract of `SnapshotKeeper` and `SnapshotReader`. */
export const snapshotsContract = (adapter: StoreAdapter): void => {
  describe('snapshots', () => {
    const subject = withStores(adapter);
    const save = (...snapshots: readonly Snapshot[]) =>
      subject().stores.unitOfWork.transact((tx) => tx.snapshots.save(snapshots));
    const find = (id: string, schema = 1, tenant = 'shop') =>
      subject().stores.snapshots.find([{ ...stream(id, tenant), schema }]);

    it('gives back what was saved, and nothing for a stream that has none', async () => {
      await save(snapshot('a', 3), snapshot('b', 7));
      expect(await find('a')).toEqual([snapshot('a', 3)]);
      expect(await find('absent')).toEqual([]);
      expect(await subject().stores.snapshots.find([])).toEqual([]);
    });

    it('keeps one per stream: the latest', async () => {
      await save(snapshot('a', 3));
      await save(snapshot('a', 9, { state: { later: true } }));
      expect(await find('a')).toEqual([snapshot('a', 9, { state: { later: true } })]);
    });

    it('knows the shape that is asked for only, and keeps tenants apart', async () => {
      await save(snapshot('a', 3, { schema: 2 }));
      expect(await find('a', 1)).toEqual([]);
      expect(await find('a', 2)).toHaveLength(1);
      expect(await find('a', 2, 'other')).toEqual([]);
    });

    it('finds within a transaction what was saved there, which a failure takes away again', async () => {
      const work = subject().stores.unitOfWork.transact(async (tx) => {
        await tx.snapshots.save([snapshot('a', 3)]);
        expect(await tx.snapshots.find([{ ...stream('a'), schema: 1 }])).toEqual([snapshot('a', 3)]);
        throw new Error('changed my mind');
      });
      await expect(work).rejects.toThrow('changed my mind');
      expect(await find('a')).toEqual([]);
    });
  });
};
