import { describe, expect, it } from 'vitest';
import type { CallbackKey, CallbackRow } from '../../src/ports/callbacks.ts';
import type { Stores } from '../../src/ports/stores.ts';
import type { StoreAdapter } from './storeAdapters.ts';
import { event, stream, transactUntilDone } from './storeFixtures.ts';
import { withStores } from './withStores.ts';

const key = (callbackId: string, provider = 'acme', tenant = 'shop'): CallbackKey => ({
  tenant,
  provider,
  callbackId,
});

const row = (id: string, changes: Partial<CallbackRow> = {}): CallbackRow => ({
  ...key(`msg_${id}`),
  id,
  state: 'applied',
  stream: `orders/${id}`,
  fact: `{"type":"payment.captured","reason":"„é“"}`,
  error: null,
  receivedAt: 1_000,
  appliedAt: 1_001,
  correlationId: 'request-1',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  body: Buffer.from('{"a":1}\xff\0', 'latin1').toString('base64'),
  ...changes,
});

const parked = (id: string, changes: Partial<CallbackRow> = {}): CallbackRow =>
  row(id, { state: 'parked', appliedAt: null, ...changes });

const save = (stores: Stores, ...rows: readonly CallbackRow[]): Promise<void> =>
  stores.unitOfWork.transact(async (tx) => {
    await tx.callbacks.find(rows);
    await tx.callbacks.save(rows);
  });

const begin = (stores: Stores, id: string, tenant = 'shop'): Promise<unknown> =>
  stores.unitOfWork.transact((tx) =>
    tx.events.append([{ ...stream(id, tenant), expected: 'none', events: [event()] }]),
  );

/** The contract of `CallbackInbox`, `CallbackReader` and `CallbackCleaner`. */
export const callbacksContract = (adapter: StoreAdapter): void => {
  describe('callbacks', () => {
    const subject = withStores(adapter);
    const stores = () => subject().stores;
    const ids = async (query: Partial<Parameters<Stores['callbacks']['list']>[0]> = {}) =>
      (await stores().callbacks.list({ tenant: 'shop', limit: 100, ...query })).map(({ id }) => id);

    it('are kept as they came', async () => {
      const bare = parked('b', { stream: null, fact: null, traceparent: null, error: 'odd' });
      await save(stores(), row('a'), bare);
      expect(await stores().callbacks.get('shop', 'a')).toEqual(row('a'));
      expect(await stores().callbacks.list({ tenant: 'shop', limit: 9 })).toEqual([bare, row('a')]);
      expect(await stores().callbacks.get('shop', 'nobody')).toBeUndefined();
    });

    it('hold an empty body, alone and among others', async () => {
      await save(stores(), row('a', { body: '' }));
      await save(stores(), row('b'), row('c', { body: '' }));
      const bodies = (await stores().callbacks.list({ tenant: 'shop', limit: 9 })).map(({ body }) => body);
      expect(bodies).toEqual(['', row('b').body, '']);
    });

    it('hold a body of the largest size that is taken', async () => {
      const body = Buffer.alloc(64 * 1024, 0xff).toString('base64');
      await save(stores(), row('a', { body }), row('b', { body }));
      expect((await stores().callbacks.get('shop', 'b'))?.body).toBe(body);
    });

    it('are found by tenant, provider and id together, also those of this very transaction', async () => {
      await save(stores(), parked('a'));
      await stores().unitOfWork.transact(async (tx) => {
        expect(await tx.callbacks.find([])).toEqual([]);
        const strangers = [key('msg_a', 'other'), key('msg_a', 'acme', 'other'), key('msg_')];
        expect(await tx.callbacks.find(strangers)).toEqual([]);
        await tx.callbacks.find([key('msg_b')]);
        await tx.callbacks.save([row('b')]);
        const found = await tx.callbacks.find([key('msg_a'), key('msg_b'), key('msg_a')]);
        expect(found.toSorted((one, other) => (one.callbackId < other.callbackId ? -1 : 1))).toEqual([
          { ...key('msg_a'), state: 'parked' },
          { ...key('msg_b'), state: 'applied' },
        ]);
      });
    });

    it('replace the row of the same callback', async () => {
      await save(stores(), parked('a'));
      const changed = row('c', { callbackId: 'msg_a', state: 'invalid', error: 'no', body: 'AAAA' });
      await save(stores(), changed);
      expect(await stores().callbacks.list({ tenant: 'shop', limit: 9 })).toEqual([changed]);
    });

    it('are gone with the transaction that fails', async () => {
      const failing = stores().unitOfWork.transact(async (tx) => {
        await tx.callbacks.find([row('a')]);
        await tx.callbacks.save([row('a')]);
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      expect(await ids()).toEqual([]);
    });

    it('are listed newest first, in pages, by state and provider', async () => {
      await save(stores(), row('a'), parked('b'), row('c', { provider: 'other' }), parked('d'));
      expect(await ids()).toEqual(['d', 'c', 'b', 'a']);
      expect(await ids({ limit: 2 })).toEqual(['d', 'c']);
      expect(await ids({ before: 'c' })).toEqual(['b', 'a']);
      expect(await ids({ state: 'parked' })).toEqual(['d', 'b']);
      expect(await ids({ state: 'applied' })).toEqual(['c', 'a']);
      expect(await ids({ state: 'invalid' })).toEqual([]);
      expect(await ids({ provider: 'other' })).toEqual(['c']);
      expect(await ids({ provider: 'acme', state: 'parked', before: 'd' })).toEqual(['b']);
    });

    it('are ready when they are parked and their stream exists, the oldest first, in pages', async () => {
      const ready = async (after = '', limit = 100) =>
        (await stores().callbacks.ready(after, limit)).map(({ id }) => id);
      const streamOf = (id: string) => ({ stream: `orders/${id}` });
      await save(
        stores(),
        parked('a', streamOf('known')),
        parked('b', streamOf('unknown')),
        row('c', streamOf('known')),
        parked('d', { ...streamOf('known'), tenant: 'other' }),
        parked('e', { stream: null }),
        parked('f', streamOf('known')),
      );
      expect(await ready()).toEqual([]);
      await begin(stores(), 'known');
      expect(await ready()).toEqual(['a', 'f']);
      expect(await ready('', 1)).toEqual(['a']);
      expect(await ready('a')).toEqual(['f']);
      await begin(stores(), 'known', 'other');
      expect(await ready()).toEqual(['a', 'd', 'f']);
      const [first] = await stores().callbacks.ready('', 1);
      expect(first).toEqual(parked('a', streamOf('known')));
    });

    it('are deleted when they are old, in steps, but never while they are parked', async () => {
      const at = (receivedAt: number) => ({ receivedAt });
      await save(stores(), row('a', at(100)), row('b', at(300)), parked('c', at(1)), row('d', at(200)));
      const { callbackCleaner } = stores();
      expect(await callbackCleaner.deleteReceivedBefore(300, 1)).toBe(1);
      expect(await ids()).toEqual(['d', 'c', 'b']);
      expect(await callbackCleaner.deleteReceivedBefore(300, 10)).toBe(1);
      expect(await callbackCleaner.deleteReceivedBefore(300, 10)).toBe(0);
      expect(await ids()).toEqual(['c', 'b']);
    });

    it('that come many times at once are taken in once', async () => {
      const firsts = await Promise.all(
        Array.from({ length: 10 }, (_, copy) =>
          transactUntilDone(stores(), async (tx) => {
            const known = await tx.callbacks.find([key('msg_same')]);
            if (known.length > 0) return false;
            await tx.callbacks.save([row(`copy-${copy}`, { callbackId: 'msg_same' })]);
            return true;
          }),
        ),
      );
      expect(firsts.filter(Boolean)).toHaveLength(1);
      expect(await ids()).toHaveLength(1);
    });
  });
};
