import { describe, expect, it } from 'vitest';
import type { StoreAdapter } from './storeAdapters.ts';
import { add, everyPartition, gate, message, waiting } from './storeFixtures.ts';
import { withStores } from './withStores.ts';

/** The contract of `MessageTrace`. */
export const messageTraceContract = (adapter: StoreAdapter): void => {
  describe('message trace', () => {
    const subject = withStores(adapter);
    const envelope = JSON.stringify({ causationid: 'cause', correlationid: 'request' });

    it('finds messages by source and by id, published or not, with what caused them', async () => {
      const { stores } = subject();
      const [one, two, task] = [
        message('/orderflow/orders/a', 1, { payload: envelope }),
        message('/orderflow/orders/a', 2, { payload: 'not JSON', dueAt: 9_000 }),
        message('/orderflow/tasks/t', 1),
      ];
      await add(stores, one, two, task, message('/orderflow/orders/b', 1));
      await add(stores, message('/orderflow/orders/a', 1, { tenant: 'other' }));
      const { held } = await stores.leases.renew('relay', Date.now(), 60_000);
      const [first] = await stores.outbox.readDue({ partitions: everyPartition, now: 0, limit: 1 });
      await stores.outbox.markPublished([first!.row], 5_000, 'relay', held);
      const found = await stores.trace.outbox('shop', ['/orderflow/orders/a'], [task.id]);
      const byId = new Map(found.map((row) => [row.id, row]));
      expect([...byId.keys()].sort()).toEqual([one.id, two.id, task.id].sort());
      expect(byId.get(one.id)).toEqual({
        id: one.id,
        source: one.source,
        sequence: 1,
        type: one.type,
        causationId: 'cause',
        correlationId: 'request',
        addedAt: expect.any(Number),
        dueAt: 0,
        publishedAt: 5_000,
        setAsideReason: null,
      });
      expect(byId.get(two.id)).toMatchObject({ causationId: null, dueAt: 9_000, publishedAt: null });
    });

    it('tells how far consumers have come, and what they keep', async () => {
      const { stores } = subject();
      await stores.unitOfWork.transact(async (tx) => {
        await tx.inbox.moveGates([
          { ...gate('/a'), sequence: 3 },
          { ...gate('/a', 'loyalty'), sequence: 1 },
          { ...gate('/b'), sequence: 1 },
        ]);
        await tx.inbox.saveWaiting([waiting('/a', 5), waiting('/b', 2)]);
      });
      const gates = await stores.trace.gates('shop', ['/a']);
      expect(gates.map(({ consumer, sequence }) => [consumer, sequence]).sort()).toEqual([
        ['inventory', 3],
        ['loyalty', 1],
      ]);
      expect(await stores.trace.waiting('shop', ['/a'])).toEqual([waiting('/a', 5)]);
      expect(await stores.trace.waiting('other', ['/a'])).toEqual([]);
    });

    it('finds nothing for nothing', async () => {
      const { trace } = subject().stores;
      expect(await trace.outbox('shop', [], [])).toEqual([]);
      expect(await trace.gates('shop', [])).toEqual([]);
      expect(await trace.waiting('shop', [])).toEqual([]);
    });
  });
};
