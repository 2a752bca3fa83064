import { describe, expect, it } from 'vitest';
import type { GateKey, WaitingMessage } from '../../src/ports/inbox.ts';
import { type Transaction, TransactionConflict } from '../../src/ports/unitOfWork.ts';
import type { StoreAdapter } from './storeAdapters.ts';
import { gate, seen, transactUntilDone, waiting } from './storeFixtures.ts';
import { withStores } from './withStores.ts';

/** The last sequences handled. */
const lasts = async (tx: Transaction, ...keys: readonly GateKey[]): Promise<readonly number[]> =>
  (await tx.inbox.lockGates(keys)).map(({ sequence }) => sequence);

/** The contract of `InboxGate` and `InboxCleaner`. */
export const inboxContract = (adapter: StoreAdapter): void => {
  describe('inbox', () => {
    const subject = withStores(adapter);
    const transact: ReturnType<typeof subject>['stores']['unitOfWork']['transact'] = (work) =>
      subject().stores.unitOfWork.transact(work);
    const move = (source: string, sequence: number) =>
      transact((tx) => tx.inbox.moveGates([{ ...gate(source), sequence }]));
    const gates = (...sources: readonly string[]) =>
      transact((tx) => lasts(tx, ...sources.map((source) => gate(source))));
    const range = (source: string, from: number, to: number) => ({ ...gate(source), from, to });
    const read = (source: string, from = 0, to = 1_000) =>
      transact((tx) => tx.inbox.readWaiting([range(source, from, to)]));
    const save = (...messages: readonly WaitingMessage[]) => transact((tx) => tx.inbox.saveWaiting(messages));

    it('answers gates in the order they were asked for, 0 where nothing was handled', async () => {
      await move('/a', 7);
      await move('/c', 2);
      expect(await gates('/c', '/b', '/a', '/c')).toEqual([2, 0, 7, 2]);
      expect(await gates()).toEqual([]);
    });

    it('says which streams have messages that wait, whatever their state and the gate', async () => {
      await save(waiting('/a', 3), waiting('/c', 0, { state: 'dead' }));
      await move('/b', 1);
      await move('/c', 1);
      const states = (...sources: readonly string[]) =>
        transact((tx) => tx.inbox.lockGates(sources.map((source) => gate(source))));
      expect(await states('/a', '/b', '/c', '/d')).toEqual([
        { sequence: 0, hasWaiting: true },
        { sequence: 1, hasWaiting: false },
        { sequence: 1, hasWaiting: true },
        { sequence: 0, hasWaiting: false },
      ]);
      await transact((tx) => tx.inbox.dropWaitingThrough([{ ...gate('/a'), sequence: 3 }]));
      expect(await states('/a')).toEqual([{ sequence: 0, hasWaiting: false }]);
    });

    it('says within a transaction that a message waits which it has kept itself', async () => {
      await transact(async (tx) => {
        expect(await tx.inbox.lockGates([gate('/a')])).toEqual([{ sequence: 0, hasWaiting: false }]);
        await tx.inbox.saveWaiting([waiting('/a', 2)]);
        await tx.inbox.moveGates([{ ...gate('/a'), sequence: 1 }]);
        expect(await tx.inbox.lockGates([gate('/a')])).toEqual([{ sequence: 1, hasWaiting: true }]);
      });
    });

    it('does not change what it has answered when a gate moves later', async () => {
      await transact(async (tx) => {
        const before = await tx.inbox.lockGates([gate('/a')]);
        await tx.inbox.moveGates([{ ...gate('/a'), sequence: 3 }]);
        expect(before).toEqual([{ sequence: 0, hasWaiting: false }]);
      });
    });

    it('tells gates apart whose names only look alike together', async () => {
      const [one, other] = [
        { ...gate('b\nd'), tenant: 'a' },
        { ...gate('d'), tenant: 'a\nb' },
      ];
      await transact((tx) => tx.inbox.moveGates([{ ...one, sequence: 5 }]));
      const states = await transact((tx) => tx.inbox.lockGates([other, one]));
      expect(states.map(({ sequence }) => sequence)).toEqual([0, 5]);
    });

    it('keeps a gate per consumer and tenant', async () => {
      await move('/a', 7);
      const others = [gate('/a', 'loyalty'), { ...gate('/a'), tenant: 'other' }];
      expect(await transact((tx) => lasts(tx, ...others))).toEqual([0, 0]);
    });

    it('moves many gates at once, and shows the transaction where they stand', async () => {
      await move('/a', 1);
      await transact(async (tx) => {
        await tx.inbox.moveGates([
          { ...gate('/a'), sequence: 2 },
          { ...gate('/b'), sequence: 5 },
        ]);
        expect(await lasts(tx, gate('/a'), gate('/b'))).toEqual([2, 5]);
        await tx.inbox.moveGates([{ ...gate('/a'), sequence: 3 }]);
      });
      expect(await gates('/a', '/b')).toEqual([3, 5]);
    });

    it.each([3, 2, 0, -1])('fails the transaction of a move from 3 to %i', async (sequence) => {
      await move('/a', 3);
      await expect(
        transact(async (tx) => {
          await tx.inbox.moveGates([{ ...gate('/b'), sequence: 1 }]);
          await tx.inbox.moveGates([{ ...gate('/a'), sequence }]);
        }),
      ).rejects.toThrow(TransactionConflict);
      expect(await gates('/a', '/b')).toEqual([3, 0]);
    });

    it.each([
      ['exists', 1],
      ['does not exist yet', 0],
    ])(
      'lets consumers who decide about a gate that %s take turns: none misses the other',
      async (_, start) => {
        if (start > 0) await move('/a', start);
        const { stores } = subject();
        const decided = await Promise.all(
          Array.from({ length: 8 }, () =>
            transactUntilDone(stores, async (tx) => {
              const [last = 0] = await lasts(tx, gate('/a'));
              await tx.inbox.moveGates([{ ...gate('/a'), sequence: last + 1 }]);
              return last + 1;
            }),
          ),
        );
        expect(decided.sort((one, other) => one - other)).toEqual(
          decided.map((_, index) => start + index + 1),
        );
      },
    );

    it('never strands a message that one consumer holds while another finishes its predecessor', async () => {
      const { stores } = subject();
      for (let round = 0; round < 10; round += 1) {
        const source = `/round/${round}`;
        const handled: number[] = [];
        const finishFirst = transactUntilDone(stores, async (tx) => {
          await tx.inbox.lockGates([gate(source)]);
          const followers = await tx.inbox.readWaiting([range(source, 2, 50)]);
          await tx.inbox.moveGates([{ ...gate(source), sequence: 1 + followers.length }]);
          await tx.inbox.dropWaitingThrough([{ ...gate(source), sequence: 1 + followers.length }]);
          return [1, ...followers.map(({ sequence }) => sequence)];
        });
        const takeSecond = transactUntilDone(stores, async (tx) => {
          const [last = 0] = await lasts(tx, gate(source));
          if (last >= 1) {
            await tx.inbox.moveGates([{ ...gate(source), sequence: 2 }]);
            return [2];
          }
          await tx.inbox.saveWaiting([waiting(source, 2)]);
          return [];
        });
        handled.push(...(await finishFirst), ...(await takeSecond));
        expect(handled).toEqual([1, 2]);
        expect(await read(source)).toEqual([]);
      }
    });

    it('keeps waiting messages unchanged, in sequence order per stream', async () => {
      const odd = waiting('/a', 5, {
        state: 'retrying',
        attempts: 2,
        deaths: 1,
        dueAt: 9_000,
        error: 'no “stock” \u{1F600}',
        message: '{"text":"é “ \\" 😀"}',
      });
      await save(odd, waiting('/a', 3), waiting('/b', 4));
      await save(waiting('/a', 4));
      expect(await read('/a')).toEqual([waiting('/a', 3), waiting('/a', 4), odd]);
      expect(await read('/a', 4, 4)).toEqual([waiting('/a', 4)]);
      expect(await read('/c')).toEqual([]);
      const both = await transact((tx) => tx.inbox.readWaiting([range('/b', 1, 9), range('/a', 5, 9)]));
      expect(both.map(({ sequence }) => sequence).sort()).toEqual([4, 5]);
    });

    it('replaces the row of a message that waits already, and no other', async () => {
      await save(waiting('/a', 3), waiting('/a', 4));
      const failed = waiting('/a', 3, {
        state: 'retrying',
        attempts: 1,
        dueAt: 7,
        error: 'x',
        message: 'new',
      });
      await save(failed);
      expect(await read('/a')).toEqual([failed, waiting('/a', 4)]);
    });

    it('forgets waiting messages up to a sequence, in these streams only, and none outside a sequence', async () => {
      const stray = waiting('/a', 0, { messageId: 'stray' });
      await save(stray, ...[2, 3, 4].flatMap((n) => [waiting('/a', n), waiting('/b', n)]));
      await transact(async (tx) => {
        await tx.inbox.dropWaitingThrough([{ ...gate('/a'), sequence: 3 }]);
        expect(await tx.inbox.readWaiting([range('/a', 1, 9)])).toEqual([waiting('/a', 4)]);
      });
      expect(await read('/a')).toEqual([stray, waiting('/a', 4)]);
      expect((await read('/b')).map(({ sequence }) => sequence)).toEqual([2, 3, 4]);
    });

    it('forgets single messages outside a sequence', async () => {
      const [one, two] = ['one', 'two'].map((messageId) => waiting('/a', 0, { messageId }));
      await save(one!, two!, waiting('/a', 1));
      await transact((tx) => tx.inbox.dropUnsequenced([one!]));
      expect(await read('/a')).toEqual([two, waiting('/a', 1)]);
    });

    it('tells what is due, longest first, and when the next will be', async () => {
      const { inbox } = subject().stores;
      expect(await inbox.nextDueAt('inventory')).toBeNull();
      const late = waiting('/a', 1, { state: 'retrying', dueAt: 3_000 });
      const early = waiting('/b', 1, { state: 'started', dueAt: 2_000 });
      const other = waiting('/c', 1, { consumer: 'loyalty', state: 'retrying', dueAt: 1_000 });
      await save(late, early, other, waiting('/d', 1), waiting('/e', 1, { state: 'dead', dueAt: 1 }));
      expect(await inbox.nextDueAt('inventory')).toBe(2_000);
      expect(await inbox.due('inventory', 1_999, 10)).toEqual([]);
      expect(await inbox.due('inventory', 3_000, 10)).toEqual([early, late]);
      expect(await inbox.due('inventory', 3_000, 1)).toEqual([early]);
    });

    it('finds held messages whose predecessor was handled, and no others', async () => {
      const { inbox } = subject().stores;
      await move('/a', 3);
      await save(waiting('/a', 4), waiting('/a', 5), waiting('/b', 2), waiting('/c', 1));
      const found = await inbox.stranded('inventory', 10);
      expect(found.map(({ source, sequence }) => [source, sequence]).sort()).toEqual([
        ['/a', 4],
        ['/c', 1],
      ]);
      expect(await inbox.stranded('inventory', 1)).toHaveLength(1);
    });

    it('tells what holds a stream up, and how much waits behind it, the longest waiting first', async () => {
      const { inbox } = subject().stores;
      await move('/dead', 3);
      await save(
        { ...waiting('/dead', 4), state: 'dead', error: 'no luck', firstSeen: 20 },
        { ...waiting('/dead', 5), firstSeen: 30 },
        { ...waiting('/dead', 6), firstSeen: 40 },
        { ...waiting('/missing', 2), firstSeen: 10 },
        { ...waiting('/retried', 1), state: 'retrying', dueAt: 99, error: 'no luck', firstSeen: 50 },
        { ...waiting('/retried', 2), firstSeen: 60 },
        { ...waiting('/alone', 1), state: 'retrying', dueAt: 99 },
        { ...waiting('/loose', 0), state: 'dead' },
      );
      const expected = [
        {
          ...gate('/missing'),
          waitsFor: 1,
          because: 'missing',
          messageId: null,
          error: null,
          dueAt: null,
          held: 1,
          since: 10,
        },
        {
          ...gate('/dead'),
          waitsFor: 4,
          because: 'dead',
          messageId: waiting('/dead', 4).messageId,
          error: 'no luck',
          dueAt: null,
          held: 2,
          since: 20,
        },
        {
          ...gate('/retried'),
          waitsFor: 1,
          because: 'retrying',
          messageId: waiting('/retried', 1).messageId,
          error: 'no luck',
          dueAt: 99,
          held: 1,
          since: 50,
        },
      ];
      expect(await inbox.blocked(gate('/a').tenant, 10)).toEqual(expected);
      expect(await inbox.blocked(gate('/a').tenant, 1)).toEqual(expected.slice(0, 1));
      expect(await inbox.blocked('other', 10)).toEqual([]);
    });

    it('tells which messages were seen before, by their place in the question', async () => {
      await transact((tx) => tx.inbox.recordSeen([seen('/a', 'one'), seen('/a', 'two')]));
      const places = await transact((tx) =>
        tx.inbox.findSeen([seen('/a', 'three'), seen('/a', 'two'), seen('/b', 'one'), seen('/a', 'one')]),
      );
      expect(places).toEqual([1, 3]);
      expect(await transact((tx) => tx.inbox.findSeen([]))).toEqual([]);
    });

    it('shows a transaction the messages it recorded', async () => {
      await transact(async (tx) => {
        await tx.inbox.recordSeen([seen('/a', 'one')]);
        expect(await tx.inbox.findSeen([seen('/a', 'one'), seen('/a', 'two')])).toEqual([0]);
      });
    });

    it('fails the transaction that records a message seen before', async () => {
      await transact((tx) => tx.inbox.recordSeen([seen('/a', 'one')]));
      await expect(
        transact((tx) => tx.inbox.recordSeen([seen('/a', 'two'), seen('/a', 'one')])),
      ).rejects.toThrow(TransactionConflict);
      expect(await transact((tx) => tx.inbox.findSeen([seen('/a', 'two')]))).toEqual([]);
    });

    it('cleans seen messages in small steps, and leaves gates alone', async () => {
      await move('/a', 9);
      await transact((tx) =>
        tx.inbox.recordSeen([1, 2, 3, 4].map((n) => seen('/a', `message ${n}`, n * 1_000))),
      );
      const { inboxCleaner } = subject().stores;
      expect(await inboxCleaner.deleteSeenBefore(4_000, 2)).toBe(2);
      expect(await inboxCleaner.deleteSeenBefore(4_000, 2)).toBe(1);
      expect(await inboxCleaner.deleteSeenBefore(4_000, 2)).toBe(0);
      expect(await gates('/a')).toEqual([9]);
      expect(await transact((tx) => tx.inbox.findSeen([seen('/a', 'message 4')]))).toEqual([0]);
    });
  });
};
