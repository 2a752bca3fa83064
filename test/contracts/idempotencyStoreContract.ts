import { describe, expect, it } from 'vitest';
import { TransactionConflict } from '../../src/ports/unitOfWork.ts';
import type { StoreAdapter } from './storeAdapters.ts';
import { record, transactUntilDone } from './storeFixtures.ts';
import { withStores } from './withStores.ts';

/** The contract of `IdempotencyKeeper` and `IdempotencyCleaner`. */
export const idempotencyStoreContract = (adapter: StoreAdapter): void => {
  describe('idempotency store', () => {
    const subject = withStores(adapter);
    const save = (...records: readonly ReturnType<typeof record>[]) =>
      subject().stores.unitOfWork.transact((tx) => tx.idempotency.save(records));
    const find = (...keys: readonly string[]) =>
      subject().stores.unitOfWork.transact((tx) => tx.idempotency.find(keys.map((key) => record(key))));

    it('gives back what was saved, byte for byte', async () => {
      const one = record('one', { answer: '{"text":"é “ \\" \u2028 😀"}' });
      const two = record('two', { wrote: null });
      await save(one, two);
      expect(await find('one')).toEqual([one]);
      expect(await find('two')).toEqual([two]);
    });

    it('finds those keys that exist, each once', async () => {
      await save(record('one'), record('two'), record('three'));
      const found = await find('two', 'absent', 'one', 'two');
      expect(found.map(({ key }) => key).sort()).toEqual(['one', 'two']);
      expect(await find()).toEqual([]);
    });

    it('keeps the keys of tenants and callers apart', async () => {
      await save(
        record('key'),
        record('key', { tenant: 'other' }),
        record('key', { caller: 'bert', answer: 'b' }),
      );
      expect(await find('key')).toEqual([record('key')]);
      const found = await subject().stores.unitOfWork.transact((tx) =>
        tx.idempotency.find([{ tenant: 'shop', caller: 'bert', key: 'key' }]),
      );
      expect(found.map(({ answer }) => answer)).toEqual(['b']);
    });

    it.each([
      ['case', 'Key', 'key'],
      ['trailing blanks', 'key', 'key '],
      ['composition', 'é', 'e\u0301'],
    ])('tells keys apart that differ in %s', async (_, one, other) => {
      await save(record(one));
      expect(await find(other)).toEqual([]);
      await save(record(other));
      expect((await find(one, other)).map(({ key }) => key).sort()).toEqual([one, other].sort());
    });

    it('shows a transaction the records it saved', async () => {
      const { stores } = subject();
      await stores.unitOfWork.transact(async (tx) => {
        expect(await tx.idempotency.find([record('key')])).toEqual([]);
        await tx.idempotency.save([record('key')]);
        expect(await tx.idempotency.find([record('key')])).toEqual([record('key')]);
      });
    });

    it('never overwrites a first answer: the whole transaction fails', async () => {
      await save(record('key', { answer: 'first' }));
      await expect(save(record('other'), record('key', { answer: 'second' }))).rejects.toThrow(
        TransactionConflict,
      );
      expect(await find('key', 'other')).toEqual([record('key', { answer: 'first' })]);
    });

    it('refuses a key that the same transaction saved before', async () => {
      await expect(save(record('key'), record('key'))).rejects.toThrow(TransactionConflict);
      expect(await find('key')).toEqual([]);
    });

    it('lets one of many copies at once win, and shows all others its answer', async () => {
      const { stores } = subject();
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, copy) =>
          transactUntilDone(stores, async (tx) => {
            const [known] = await tx.idempotency.find([record('key')]);
            if (known !== undefined) return known.answer;
            await tx.idempotency.save([record('key', { answer: `copy ${copy}` })]);
            return `copy ${copy}`;
          }),
        ),
      );
      expect(new Set(answers).size).toBe(1);
    });

    it('finds one key among thousands', async () => {
      await save(...Array.from({ length: 3_000 }, (_, index) => record(`key-${index}`)));
      expect(await find('key-1234', 'key-2999', 'key-3000')).toHaveLength(2);
    });

    it('deletes the oldest first, a few at a time, and only those that are old enough', async () => {
      await save(...[5, 3, 1, 4, 2].map((age) => record(`age-${age}`, { createdAt: age * 1_000 })));
      const { idempotencyCleaner } = subject().stores;
      expect(await idempotencyCleaner.deleteOlderThan(4_000, 2)).toBe(2);
      expect((await find('age-1', 'age-2', 'age-3')).map(({ key }) => key)).toEqual(['age-3']);
      expect(await idempotencyCleaner.deleteOlderThan(4_000, 2)).toBe(1);
      expect(await idempotencyCleaner.deleteOlderThan(4_000, 2)).toBe(0);
      expect(await find('age-4', 'age-5')).toHaveLength(2);
    });

    it('takes a key again after it was cleaned up', async () => {
      await save(record('key', { answer: 'old' }));
      expect(await subject().stores.idempotencyCleaner.deleteOlderThan(2_000, 10)).toBe(1);
      await save(record('key', { answer: 'new' }));
      expect((await find('key')).map(({ answer }) => answer)).toEqual(['new']);
    });
  });
};
