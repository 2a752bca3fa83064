import { setImmediate as nextTurn, setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExpectedVersion } from '../../src/ports/eventStore.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { propertyOptions } from '../support/properties.ts';
import type { StoreAdapter } from './storeAdapters.ts';
import { event, stream, transactUntilDone } from './storeFixtures.ts';
import { withStores } from './withStores.ts';

/** The contract of `EventAppender` and `EventReader`. */
export const eventStoreContract = (adapter: StoreAdapter): void => {
  describe('event store', () => {
    const subject = withStores(adapter);
    const append = (id: string, expected: ExpectedVersion, count = 1) =>
      subject().stores.unitOfWork.transact((tx) =>
        tx.events.append([{ ...stream(id), expected, events: Array.from({ length: count }, () => event()) }]),
      );
    const versions = async (id: string) =>
      (await subject().stores.events.readStream(stream(id))).map(({ version }) => version);

    it('gives back what was appended, numbered from 1 without gaps, unchanged to the last character', async () => {
      const first = event({
        text: 'é "quoted" \\ \u2028 😀',
        nested: { list: [1, null, true] },
        big: 2 ** 53 - 1,
      });
      const second = { ...event(), traceparent: null };
      const { stores } = subject();
      await stores.unitOfWork.transact((tx) =>
        tx.events.append([{ ...stream('a'), expected: 'none', events: [first, second] }]),
      );
      expect(await stores.events.readStream(stream('a'))).toEqual([
        { ...first, ...stream('a'), version: 1, position: expect.any(Number) },
        { ...second, ...stream('a'), version: 2, position: expect.any(Number) },
      ]);
    });

    it('reads nothing of a stream that does not exist, and nothing for no streams', async () => {
      const { events } = subject().stores;
      expect(await events.readStream(stream('absent'))).toEqual([]);
      expect(await events.readStreams([stream('absent')])).toEqual([]);
      expect(await events.readStreams([])).toEqual([]);
      expect(await events.lastPosition()).toBe(0);
      expect(await events.readAll(0, 10)).toEqual([]);
      expect(await events.tenants()).toEqual([]);
    });

    it('names everybody who has events, once, in order', async () => {
      const { stores } = subject();
      for (const tenant of ['shop', 'b', 'a', 'shop'])
        await stores.unitOfWork.transact(async (tx) => {
          await tx.events.append([
            { tenant, stream: 'orders/x', expected: 'any', events: [event(), event()] },
          ]);
        });
      expect(await stores.events.tenants()).toEqual(['a', 'b', 'shop']);
    });

    it('reads a stream up to a version, that version included', async () => {
      await append('a', 'none', 4);
      const read = await subject().stores.events.readStream(stream('a'), 2);
      expect(read.map(({ version }) => version)).toEqual([1, 2]);
    });

    it('reads each of many streams in version order, also where one is named twice', async () => {
      await append('a', 'none');
      await append('b', 'none');
      await append('a', 1, 2);
      const read = await subject().stores.events.readStreams([
        stream('b'),
        stream('a'),
        stream('a'),
        stream('c'),
      ]);
      expect(read.filter((one) => one.stream === 'orders/a').map(({ version }) => version)).toEqual([
        1, 2, 3,
      ]);
      expect(read.filter((one) => one.stream === 'orders/b').map(({ version }) => version)).toEqual([1]);
      expect(read).toHaveLength(4);
    });

    it('reads what came after a version, in and out of a transaction, and appends behind it', async () => {
      await append('a', 'none', 3);
      await append('b', 'none', 2);
      const parts = [{ ...stream('a'), after: 2 }, { ...stream('b'), after: 2 }, stream('c')];
      const { stores } = subject();
      const read = await stores.events.readStreams(parts);
      expect(read.map((one) => [one.stream, one.version])).toEqual([['orders/a', 3]]);
      const result = await stores.unitOfWork.transact(async (tx) => {
        expect(await tx.events.readStreams(parts)).toEqual(read);
        return tx.events.append([
          { ...stream('a'), expected: 3, events: [event()] },
          { ...stream('b'), expected: 2, events: [event()] },
        ]);
      });
      expect(result.ok).toBe(true);
      expect(await versions('b')).toEqual([1, 2, 3]);
    });

    it('reads stretches of many streams, the last version included', async () => {
      await append('a', 'none', 5);
      await append('b', 'none', 2);
      const { events } = subject().stores;
      const read = async (...parts: Parameters<typeof events.readStreams>[0]) =>
        (await events.readStreams(parts)).map((one) => `${one.stream} ${one.version}`).sort();
      expect(
        await read(
          { ...stream('a'), after: 1, through: 3 },
          { ...stream('b'), through: 9 },
          { ...stream('c'), through: 1 },
        ),
      ).toEqual(['orders/a 2', 'orders/a 3', 'orders/b 1', 'orders/b 2']);
      expect(await read({ ...stream('a'), through: 0 }, { ...stream('b'), after: 2, through: 1 })).toEqual(
        [],
      );
      expect(await read({ ...stream('a'), through: 1 }, { ...stream('a'), after: 4 })).toEqual([
        'orders/a 5',
      ]);
    });

    it('keeps tenants apart', async () => {
      await append('a', 'none');
      const { stores } = subject();
      expect(await stores.events.readStream(stream('a', 'other'))).toEqual([]);
      const result = await stores.unitOfWork.transact((tx) =>
        tx.events.append([{ ...stream('a', 'other'), expected: 'none', events: [event()] }]),
      );
      expect(result.ok).toBe(true);
    });

    it('accepts exactly the version that is there', async () => {
      expect(await append('a', 'none')).toMatchObject({ ok: true });
      expect(await append('a', 1, 2)).toMatchObject({ ok: true });
      expect(await append('a', 3)).toMatchObject({ ok: true });
      expect(await append('a', 'any')).toMatchObject({ ok: true });
      expect(await append('b', 'any')).toMatchObject({ ok: true });
      expect(await append('c', 0)).toMatchObject({ ok: true });
      expect(await versions('a')).toEqual([1, 2, 3, 4, 5]);
    });

    it.each<[ExpectedVersion, number]>([
      ['none', 2],
      [1, 2],
      [3, 2],
      [0, 2],
    ])(
      'answers expected %s with a conflict that names the actual version, and leaves the stream as it was',
      async (expected, actual) => {
        await append('a', 'none', 2);
        expect(await append('a', expected)).toEqual({
          ok: false,
          conflicts: [{ ...stream('a'), expected, actual }],
        });
        expect(await versions('a')).toEqual([1, 2]);
      },
    );

    it('says version 0 where a stream was expected and there is none', async () => {
      expect(await append('absent', 1)).toEqual({
        ok: false,
        conflicts: [{ ...stream('absent'), expected: 1, actual: 0 }],
      });
      expect(await versions('absent')).toEqual([]);
    });

    it('appends to several streams or to none of them, and the transaction goes on after a conflict', async () => {
      await append('b', 'none');
      const { stores } = subject();
      await stores.unitOfWork.transact(async (tx) => {
        const refused = await tx.events.append([
          { ...stream('a'), expected: 'none', events: [event()] },
          { ...stream('b'), expected: 'none', events: [event()] },
        ]);
        expect(refused).toMatchObject({ ok: false, conflicts: [{ stream: 'orders/b', actual: 1 }] });
        expect(await tx.events.readStreams([stream('a')])).toEqual([]);
        expect(
          await tx.events.append([{ ...stream('a'), expected: 'none', events: [event(), event()] }]),
        ).toMatchObject({ ok: true });
      });
      expect(await versions('a')).toEqual([1, 2]);
      expect(await versions('b')).toEqual([1]);
    });

    it('tells where each append begins, in the order of the appends', async () => {
      const { stores } = subject();
      const result = await stores.unitOfWork.transact((tx) =>
        tx.events.append([
          { ...stream('a'), expected: 'none', events: [event(), event()] },
          { ...stream('b'), expected: 'none', events: [event()] },
        ]),
      );
      const all = await stores.events.readAll(0, 10);
      expect(result).toEqual({ ok: true, firstPositions: [all[0]?.position, all[2]?.position] });
      expect(all.map(({ stream, version }) => [stream, version])).toEqual([
        ['orders/a', 1],
        ['orders/a', 2],
        ['orders/b', 1],
      ]);
    });

    it('shows a transaction its own appends, and counts on from them', async () => {
      const { stores } = subject();
      await stores.unitOfWork.transact(async (tx) => {
        await tx.events.append([{ ...stream('a'), expected: 'none', events: [event({ n: 1 })] }]);
        expect(await tx.events.readStreams([stream('a')])).toMatchObject([{ version: 1, data: { n: 1 } }]);
        expect(
          await tx.events.append([{ ...stream('a'), expected: 1, events: [event({ n: 2 })] }]),
        ).toMatchObject({ ok: true });
        expect(await tx.events.append([{ ...stream('a'), expected: 1, events: [event()] }])).toMatchObject({
          ok: false,
          conflicts: [{ actual: 2 }],
        });
      });
      expect(await versions('a')).toEqual([1, 2]);
    });

    it('does not let a caller change what is stored through the objects it passed or received', async () => {
      const data = { count: 1 };
      const { stores } = subject();
      await stores.unitOfWork.transact((tx) =>
        tx.events.append([{ ...stream('a'), expected: 'none', events: [event(data)] }]),
      );
      data.count = 2;
      const [read] = await stores.events.readStream(stream('a'));
      Object.assign(read?.data ?? {}, { count: 3 });
      expect((await stores.events.readStream(stream('a')))[0]?.data).toEqual({ count: 1 });
    });

    it('reads the whole log in position order and in pages', async () => {
      for (const id of ['a', 'b', 'c']) await append(id, 'none', 3);
      const { events } = subject().stores;
      const all = await events.readAll(0, 100);
      expect(all).toHaveLength(9);
      expect(await events.lastPosition()).toBe(all.at(-1)?.position);
      const paged: unknown[] = [];
      for (let after = 0; ; ) {
        const page = await events.readAll(after, 2);
        if (page.length === 0) break;
        paged.push(...page);
        after = page.at(-1)?.position ?? 0;
      }
      expect(paged).toEqual(all);
    });

    it('takes more events in one transaction than a statement takes values', async () => {
      await append('a', 'none', 4_000);
      expect(await versions('a')).toEqual(Array.from({ length: 4_000 }, (_, index) => index + 1));
    });

    it('hides nothing from a reader who follows the log while many write', async () => {
      const { stores } = subject();
      const reader = subject().another === undefined ? stores : await subject().another?.();
      let writing = true;
      const seen: number[] = [];
      const follow = async (): Promise<void> => {
        for (let last = false; !last; ) {
          last = !writing;
          const page = (await reader?.events.readAll(seen.at(-1) ?? 0, 7)) ?? [];
          seen.push(...page.map(({ position }) => position));
          if (page.length > 0) last = false;
          // A driver that answers at once would leave the writers no turn of the event loop.
          await nextTurn();
        }
      };
      const following = follow();
      await Promise.all(
        Array.from({ length: 8 }, async (_, writer) => {
          for (let n = 0; n < 10; n += 1) {
            await transactUntilDone(stores, (tx) =>
              tx.events.append([
                { ...stream(`${writer}-${n}`), expected: 'none', events: [event(), event()] },
              ]),
            );
          }
        }),
      );
      writing = false;
      await following;
      const all = await stores.events.readAll(0, 1_000);
      expect(all).toHaveLength(160);
      expect(seen).toEqual(all.map(({ position }) => position));
    });

    it('brings nothing in below a position that was read, when an earlier append commits later', async () => {
      const { stores } = subject();
      const positions = async () => (await stores.events.readAll(0, 10)).map(({ position }) => position);
      const overtake = async () => {
        await transactUntilDone(stores, (tx) =>
          tx.events.append([{ ...stream('fast'), expected: 'none', events: [event()] }]),
        );
        return positions();
      };
      let others: Promise<readonly number[]> | undefined;
      await transactUntilDone(stores, async (tx) => {
        await tx.events.append([{ ...stream('slow'), expected: 'none', events: [event()] }]);
        others ??= overtake();
        // Where transactions take turns, the other one waits for this one to end.
        await Promise.race([others, setTimeout(20)]);
      });
      const read = (await others) ?? [];
      const all = await positions();
      expect(all).toHaveLength(2);
      expect(all.filter((position) => position <= (read.at(-1) ?? 0))).toEqual(read);
    });

    it('lets each version be written once, whatever writers try at once', async () => {
      let conflicts = 0;
      await fc.assert(
        fc.asyncProperty(histories, async (writers) => {
          const fresh = await adapter.open();
          try {
            const outcomes = await Promise.all(writers.map((attempts) => write(fresh.stores, attempts)));
            conflicts += outcomes.flat().filter(({ ok }) => !ok).length;
            await expectOneWriterPerVersion(fresh.stores, outcomes.flat());
          } finally {
            await fresh.dispose();
          }
        }),
        propertyOptions({ numRuns: 15 }),
      );
      expect(conflicts).toBeGreaterThan(0);
    });
  });
};

interface Attempt {
  readonly id: string;
  readonly expected: ExpectedVersion;
  readonly count: number;
}

interface Outcome extends Attempt {
  readonly ok: boolean;
  /** The ids of the events that the attempt tried to append. */
  readonly ids: readonly string[];
}

const histories = fc.array(
  fc.array(
    fc.record({
      id: fc.constantFrom('a', 'b'),
      expected: fc.oneof(fc.constant('none' as const), fc.constant('any' as const), fc.nat({ max: 6 })),
      count: fc.integer({ min: 1, max: 3 }),
    }),
    { minLength: 2, maxLength: 6 },
  ),
  { minLength: 2, maxLength: 4 },
);

const write = async (stores: Stores, attempts: readonly Attempt[]): Promise<readonly Outcome[]> => {
  const outcomes: Outcome[] = [];
  for (const attempt of attempts) {
    const events = Array.from({ length: attempt.count }, () => event());
    const { ok } = await transactUntilDone(stores, (tx) =>
      tx.events.append([{ ...stream(attempt.id), expected: attempt.expected, events }]),
    );
    outcomes.push({ ...attempt, ok, ids: events.map(({ id }) => id) });
  }
  return outcomes;
};

/** Every append that succeeded stands in its stream as a block at its expected version; nothing else stands there. */
const expectOneWriterPerVersion = async (stores: Stores, outcomes: readonly Outcome[]): Promise<void> => {
  for (const id of ['a', 'b']) {
    const stored = await stores.events.readStream(stream(id));
    expect(stored.map(({ version }) => version)).toEqual(stored.map((_, index) => index + 1));
    const done = outcomes.filter((outcome) => outcome.id === id && outcome.ok);
    expect(stored).toHaveLength(done.reduce((sum, { count }) => sum + count, 0));
    for (const { ids, expected } of done) {
      const at = stored.findIndex((one) => one.id === ids[0]);
      expect(stored.slice(at, at + ids.length).map((one) => one.id)).toEqual(ids);
      if (expected !== 'any') expect(at).toBe(expected === 'none' ? 0 : expected);
    }
  }
};
