import { describe, expect, it } from 'vitest';
import type { StoreAdapter } from './storeAdapters.ts';
import { withStores } from './withStores.ts';

/** The contract of `ProcessRegister`. */
export const processRegisterContract = (adapter: StoreAdapter): void => {
  describe('process register', () => {
    const subject = withStores(adapter);
    const register = () => subject().stores.processes;

    it('shows each process the others, as they beat last', async () => {
      await register().beat({ id: 'a', beats: 1 });
      expect(await register().others('a')).toEqual([]);
      await register().beat({ id: 'b', beats: 7 });
      expect(await register().others('b')).toEqual([{ id: 'a', beats: 1 }]);
      await register().beat({ id: 'a', beats: 2 });
      expect(await register().others('b')).toEqual([{ id: 'a', beats: 2 }]);
      expect(await register().others('a')).toEqual([{ id: 'b', beats: 7 }]);
    });

    it('forgets who signed off, and takes back who was forgotten and beats again', async () => {
      await register().beat({ id: 'a', beats: 1 });
      await register().beat({ id: 'b', beats: 1 });
      await register().remove(['a', 'b', 'unknown']);
      await register().remove([]);
      expect(await register().others('c')).toEqual([]);
      await register().beat({ id: 'a', beats: 2 });
      expect(await register().others('c')).toEqual([{ id: 'a', beats: 2 }]);
    });
  });
};
