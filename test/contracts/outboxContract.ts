import { describe, expect, it } from 'vitest';
import type { Lease } from '../../src/ports/outbox.ts';
import type { StoreAdapter } from './storeAdapters.ts';
import { add, due, everyPartition, message } from './storeFixtures.ts';
import { withStores } from './withStores.ts';

/** The contract of `OutboxWriter` and `Outbox`. */
export const outboxContract = (adapter: StoreAdapter): void => {
  describe('outbox', () => {
    const subject = withStores(adapter);
    const leases = async (owner = 'relay'): Promise<readonly Lease[]> =>
      (await subject().stores.leases.renew(owner, 0, 1_000)).held;
    const rowsOf = async (source: string) =>
      (await due(subject().stores)).filter((one) => one.source === source).map(({ row }) => row);
    const retryAll = () => subject().stores.unitOfWork.transact((tx) => tx.outbox.retryAll());
    const publish = async (...sources: readonly string[]) => {
      const { outbox } = subject().stores;
      for (const source of sources)
        await outbox.markPublished(await rowsOf(source), 50, 'relay', await leases());
    };

    describe('reading', () => {
      it('gives back the headers that a message brought along, and none where it brought none', async () => {
        const headers = { 'x-orderflow-reason': 'exhausted', 'x-orderflow-error': 'no “stock”' };
        await add(subject().stores, message('/a', 1, { headers }), message('/b', 1));
        const [one, two] = await due(subject().stores);
        expect(one?.headers).toEqual(headers);
        expect(two).not.toHaveProperty('headers');
      });

      it('gives back what was added, unchanged', async () => {
        const one = message('/a', 1, {
          traceparent: '00-x',
          exchange: 'dead',
          routingKey: 'queue.dead',
          dueAt: 3,
        });
        await add(subject().stores, one);
        expect(await due(subject().stores)).toEqual([
          { ...one, row: expect.any(Number), partition: expect.any(Number), attempts: 0, headSequence: 1 },
        ]);
      });

      it('reads in the order of due time, then of arrival, and only what is due', async () => {
        const { stores } = subject();
        await add(stores, message('/a', 1), message('/b', 1, { dueAt: 20 }), message('/a', 2));
        await add(stores, message('/c', 1, { dueAt: 10 }), message('/d', 1, { dueAt: 30 }));
        const read = await due(stores, 20);
        expect(read.map(({ source, sequence }) => [source, sequence])).toEqual([
          ['/a', 1],
          ['/a', 2],
          ['/c', 1],
          ['/b', 1],
        ]);
      });

      it('reads on after a cursor, without a gap or a repetition', async () => {
        const { stores } = subject();
        await add(stores, ...Array.from({ length: 25 }, (_, n) => message(`/s/${n}`, 1, { dueAt: n % 3 })));
        const all = await due(stores);
        const paged = [];
        for (let after: { dueAt: number; row: number } | undefined; ; ) {
          const query = { partitions: everyPartition, now: 100, limit: 4 };
          const page = await stores.outbox.readDue(after === undefined ? query : { ...query, after });
          paged.push(...page);
          const last = page.at(-1);
          if (last === undefined) break;
          after = { dueAt: last.dueAt, row: last.row };
        }
        expect(paged).toEqual(all);
      });

      it('keeps a source in one partition, spreads sources, and reads the partitions asked for', async () => {
        const { stores } = subject();
        await add(stores, ...Array.from({ length: 64 }, (_, n) => message(`/s/${n}`, 1)), message('/s/0', 2));
        const all = await due(stores);
        const used = [...new Set(all.map(({ partition }) => partition))];
        expect(used.length).toBeGreaterThan(8);
        expect(used.every((partition) => everyPartition.includes(partition))).toBe(true);
        expect(
          new Set(all.filter(({ source }) => source === '/s/0').map(({ partition }) => partition)).size,
        ).toBe(1);
        const some = used.slice(0, 2);
        const read = await stores.outbox.readDue({ partitions: some, now: 0, limit: 100 });
        expect(read).toEqual(all.filter(({ partition }) => some.includes(partition)));
        expect(await stores.outbox.readDue({ partitions: [], now: 0, limit: 100 })).toEqual([]);
      });

      it('names the lowest unpublished sequence of a source, set aside or not due yet though it may be', async () => {
        const { stores } = subject();
        await add(
          stores,
          message('/a', 1),
          message('/a', 2),
          message('/a', 3),
          message('/b', 1, { dueAt: 99 }),
          message('/b', 2),
        );
        const heads = async () =>
          (await due(stores, 50)).map(({ source, sequence, headSequence }) => [
            source,
            sequence,
            headSequence,
          ]);
        expect(await heads()).toEqual([
          ['/a', 1, 1],
          ['/a', 2, 1],
          ['/a', 3, 1],
          ['/b', 2, 1],
        ]);
        const [first, second] = await rowsOf('/a');
        await stores.outbox.markPublished([first!], 5, 'relay', await leases());
        expect(await heads()).toEqual([
          ['/a', 2, 2],
          ['/a', 3, 2],
          ['/b', 2, 1],
        ]);
        await stores.outbox.setAside(second!, 'too large', 'relay', await leases());
        expect(await heads()).toEqual([
          ['/a', 3, 2],
          ['/b', 2, 1],
        ]);
      });

      it('tells the next due time among what still waits', async () => {
        const { stores } = subject();
        await add(
          stores,
          message('/a', 1, { dueAt: 10 }),
          message('/b', 1, { dueAt: 20 }),
          message('/c', 1, { dueAt: 30 }),
        );
        expect(await stores.outbox.nextDueAt(0)).toBe(10);
        expect(await stores.outbox.nextDueAt(10)).toBe(20);
        await publish('/b');
        expect(await stores.outbox.nextDueAt(10)).toBe(30);
        await stores.outbox.setAside((await rowsOf('/c'))[0]!, 'no', 'relay', await leases());
        expect(await stores.outbox.nextDueAt(10)).toBeNull();
      });

      it('gives back an empty payload, alone and among others', async () => {
        await add(subject().stores, message('/a', 1, { payload: '' }));
        await add(subject().stores, message('/a', 2), message('/a', 3, { payload: '' }));
        const read = await due(subject().stores);
        expect(read.map(({ payload }) => payload === '')).toEqual([true, false, true]);
      });

      it('takes payloads of a mebibyte', async () => {
        const payload = 'é'.repeat(512 * 1024);
        await add(
          subject().stores,
          ...[1, 2, 3, 4, 5, 6].map((n) => message('/a', n, { payload: `${n}${payload}` })),
        );
        expect(
          (await due(subject().stores)).map((one) => one.payload === `${one.sequence}${payload}`),
        ).not.toContain(false);
      });
    });

    describe('marking', () => {
      it('marks rows once, and does not offer them again', async () => {
        const { stores } = subject();
        await add(stores, message('/a', 1), message('/b', 1));
        const rows = await rowsOf('/a');
        expect(await stores.outbox.markPublished(rows, 5, 'relay', await leases())).toBe(1);
        expect(await stores.outbox.markPublished(rows, 6, 'relay', await leases())).toBe(0);
        expect((await due(stores)).map(({ source }) => source)).toEqual(['/b']);
        expect(await stores.outbox.markPublished([], 7, 'relay', await leases())).toBe(0);
        expect(await stores.outbox.markPublished([4_711], 7, 'relay', await leases())).toBe(0);
      });

      it('marks thousands of rows at once', async () => {
        const { stores } = subject();
        await add(stores, ...Array.from({ length: 2_500 }, (_, n) => message(`/s/${n}`, 1)));
        const rows = (await due(stores)).map(({ row }) => row);
        expect(await stores.outbox.markPublished(rows, 5, 'relay', await leases())).toBe(2_500);
        expect(await due(stores)).toEqual([]);
      });

      it.each<[string, (held: readonly Lease[]) => [string, readonly Lease[]]]>([
        ['another owner', (held) => ['stranger', held]],
        ['an old fence', (held) => ['relay', held.map((lease) => ({ ...lease, fence: lease.fence - 1 }))]],
        ['no lease at all', () => ['relay', []]],
      ])('changes nothing for %s', async (_, pretend) => {
        const { stores } = subject();
        await add(stores, message('/a', 1));
        const rows = await rowsOf('/a');
        const [owner, pretended] = pretend(await leases());
        expect(await stores.outbox.markPublished(rows, 5, owner, pretended)).toBe(0);
        await stores.outbox.postpone(
          [{ row: rows[0]!, dueAt: 99, attempts: 1, error: 'x' }],
          owner,
          pretended,
        );
        await stores.outbox.setAside(rows[0]!, 'no', owner, pretended);
        expect(await due(stores, 10)).toMatchObject([{ source: '/a', attempts: 0, dueAt: 0 }]);
        expect(await stores.outbox.stats(0)).toMatchObject({ pending: 1, setAside: 0 });
      });

      it('changes nothing for a relay whose partitions another took over meanwhile', async () => {
        const { stores } = subject();
        await add(stores, message('/a', 1));
        const rows = await rowsOf('/a');
        const old = (await stores.leases.renew('old', 0, 1_000)).held;
        const taken = (await stores.leases.renew('new', 2_000, 1_000)).held;
        expect(await stores.outbox.markPublished(rows, 5, 'old', old)).toBe(0);
        expect(await stores.outbox.markPublished(rows, 5, 'new', taken)).toBe(1);
      });

      it('marks the rows of the partitions that are still leased, and leaves the others', async () => {
        const { stores } = subject();
        await add(stores, ...Array.from({ length: 40 }, (_, n) => message(`/s/${n}`, 1)));
        const all = await due(stores);
        const held = await leases();
        const given = held.slice(0, 5).map(({ partition }) => partition);
        await stores.leases.release('relay', given);
        const kept = all.filter(({ partition }) => !given.includes(partition));
        expect(
          await stores.outbox.markPublished(
            all.map(({ row }) => row),
            5,
            'relay',
            held,
          ),
        ).toBe(kept.length);
        expect((await due(stores)).every(({ partition }) => given.includes(partition))).toBe(true);
      });

      it('puts messages off, and remembers the attempts', async () => {
        const { stores } = subject();
        await add(stores, message('/a', 1), message('/b', 1));
        const [{ row } = { row: 0 }] = await due(stores);
        await stores.outbox.postpone(
          [{ row, dueAt: 70, attempts: 3, error: 'nacked' }],
          'relay',
          await leases(),
        );
        expect((await due(stores, 69)).map(({ source }) => source)).toEqual(['/b']);
        expect((await due(stores, 70)).map(({ source, attempts }) => [source, attempts])).toEqual([
          ['/b', 0],
          ['/a', 3],
        ]);
      });
    });

    describe('setting aside', () => {
      it('never offers the message again, until everything is tried again', async () => {
        const { stores } = subject();
        await add(stores, message('/a', 1), message('/b', 1), message('/c', 1));
        const [a] = await rowsOf('/a');
        const [b] = await rowsOf('/b');
        const held = await leases();
        await stores.outbox.postpone([{ row: a!, dueAt: 0, attempts: 4, error: 'nacked' }], 'relay', held);
        await stores.outbox.setAside(a!, 'too large', 'relay', held);
        await stores.outbox.postpone([{ row: b!, dueAt: 500, attempts: 2, error: 'nacked' }], 'relay', held);
        expect((await due(stores, 10)).map(({ source }) => source)).toEqual(['/c']);
        expect(await stores.outbox.listSetAside(10)).toMatchObject([
          { source: '/a', sequence: 1, type: 'orderflow.order.placed.v1', reason: 'too large' },
        ]);
        expect(await retryAll()).toBe(2);
        expect((await due(stores, 10)).map(({ source }) => source).sort()).toEqual(['/a', '/b', '/c']);
        expect(await stores.outbox.listSetAside(10)).toEqual([]);
        expect(await retryAll()).toBe(0);
      });

      it('leaves a message that was always meant for later at its time', async () => {
        const { stores } = subject();
        await add(stores, message('/later', 1, { dueAt: 500 }));
        expect(await retryAll()).toBe(0);
        expect(await due(stores, 499)).toEqual([]);
      });

      it('lists the oldest first, as many as asked for', async () => {
        const { stores } = subject();
        await add(stores, message('/a', 1), message('/b', 1), message('/c', 1));
        for (const source of ['/c', '/a', '/b']) {
          await stores.outbox.setAside((await rowsOf(source))[0]!, source, 'relay', await leases());
        }
        expect((await stores.outbox.listSetAside(2)).map(({ reason }) => reason)).toEqual(['/a', '/b']);
      });
    });

    describe('counting and cleaning', () => {
      it('counts what waits, what is held behind another, and what was set aside', async () => {
        const { stores } = subject();
        expect(await stores.outbox.stats(0)).toEqual({
          pending: 0,
          held: 0,
          setAside: 0,
          oldestPendingAgeSeconds: null,
        });
        await add(
          stores,
          message('/a', 1),
          message('/a', 2),
          message('/a', 3),
          message('/a', 4),
          message('/b', 1),
        );
        await stores.outbox.setAside((await rowsOf('/a'))[1]!, 'no', 'relay', await leases());
        const stats = await stores.outbox.stats(Date.now() + 10_000);
        expect(stats).toMatchObject({ pending: 2, held: 2, setAside: 1 });
        expect(stats.oldestPendingAgeSeconds).toBeGreaterThanOrEqual(10);
        expect(stats.oldestPendingAgeSeconds).toBeLessThan(40);
        expect(await stores.outbox.stats(0)).toMatchObject({ oldestPendingAgeSeconds: 0 });
      });

      it('counts what is due later only when its time has come, and from then on', async () => {
        const { stores } = subject();
        const later = Date.now() + 60_000;
        await add(stores, message('/a', 1, { dueAt: later }));
        expect(await stores.outbox.stats(Date.now())).toEqual({
          pending: 0,
          held: 0,
          setAside: 0,
          oldestPendingAgeSeconds: null,
        });
        expect(await stores.outbox.stats(later + 2_000)).toMatchObject({
          pending: 1,
          oldestPendingAgeSeconds: 2,
        });
      });

      it('counts what was put off as waiting since it was added', async () => {
        const { stores } = subject();
        await add(stores, message('/a', 1), message('/b', 1));
        const row = (await rowsOf('/a'))[0]!;
        const dueAt = Date.now() + 60_000;
        await stores.outbox.postpone([{ row, dueAt, attempts: 1, error: 'nack' }], 'relay', await leases());
        for (const now of [Date.now() + 10_000, dueAt + 10_000]) {
          const { pending, oldestPendingAgeSeconds } = await stores.outbox.stats(now);
          expect(pending).toBe(2);
          expect(oldestPendingAgeSeconds).toBeGreaterThanOrEqual(10);
        }
        await retryAll();
        expect(await stores.outbox.stats(Date.now())).toMatchObject({ pending: 2 });
      });

      it('tells what some sources still have to publish, and why it does not go', async () => {
        const { stores } = subject();
        const backlog = () => stores.outbox.backlog('shop', '/jobs/1/');
        await add(stores, message('/jobs/1/a', 1), message('/jobs/1/b', 1), message('/jobs/10/c', 1));
        await add(stores, message('/jobs/1', 1), message('/jobs/1/a', 1, { tenant: 'other' }));
        expect(await backlog()).toEqual({ unpublished: 2, error: null });
        const row = (await rowsOf('/jobs/1/a'))[0]!;
        await stores.outbox.postpone([{ row, dueAt: 5, attempts: 1, error: 'no' }], 'relay', await leases());
        await stores.outbox.markPublished(await rowsOf('/jobs/1/b'), 7, 'relay', await leases());
        expect(await backlog()).toEqual({ unpublished: 1, error: 'no' });
        expect(await stores.outbox.lastPublishedAt()).toBe(7);
      });

      it('withdraws what some sources have not published', async () => {
        const { stores } = subject();
        expect(await stores.outbox.lastPublishedAt()).toBeNull();
        await add(stores, message('/jobs/1/a', 1), message('/jobs/1/a', 2), message('/jobs/10/c', 1));
        await stores.outbox.markPublished([(await rowsOf('/jobs/1/a'))[0]!], 7, 'relay', await leases());
        await stores.unitOfWork.transact((tx) => tx.outbox.withdraw('shop', '/jobs/1/'));
        expect(await rowsOf('/jobs/1/a')).toEqual([]);
        expect(await rowsOf('/jobs/10/c')).toHaveLength(1);
        expect(await stores.outbox.lastPublishedAt()).toBe(7);
      });

      it('knows up to where a source was published, cleaned up or not', async () => {
        const { stores } = subject();
        await add(stores, message('/a', 1), message('/a', 2), message('/b', 1));
        const through = (...sequences: readonly number[]) =>
          stores.outbox.findPublished(
            sequences.map((sequence) => ({ tenant: 'shop', source: '/a', sequence })),
          );
        expect(await through(0, 1, 2)).toEqual([0]);
        await stores.outbox.markPublished([(await rowsOf('/a'))[0]!], 5, 'relay', await leases());
        expect(await through(2, 1, 1)).toEqual([1, 2]);
        await stores.outbox.markPublished(await rowsOf('/a'), 5, 'relay', await leases());
        expect(await through(2)).toEqual([0]);
        expect(await stores.outbox.deletePublishedBefore(100, 10)).toBe(2);
        expect(await through(2, 1)).toEqual([0, 1]);
      });

      it('tells many sources and tenants apart in one question', async () => {
        const { stores } = subject();
        await add(stores, message('/a', 1), message('/b', 1), message('/b', 1, { tenant: 'other' }));
        await publish('/a');
        const places = [
          { tenant: 'shop', source: '/b', sequence: 1 },
          { tenant: 'shop', source: '/a', sequence: 1 },
          { tenant: 'other', source: '/b', sequence: 1 },
          { tenant: 'other', source: '/a', sequence: 1 },
          { tenant: 'shop', source: '/“b”', sequence: 1 },
        ];
        expect(await stores.outbox.findPublished(places)).toEqual([1, 3, 4]);
        expect(await stores.outbox.findPublished([])).toEqual([]);
        const many = Array.from({ length: 5_000 }, (_, n) => ({ ...places[n % 2]!, sequence: n + 1 }));
        expect(await stores.outbox.findPublished(many)).toHaveLength(2_500);
      });

      it('deletes published rows in small steps, oldest first, and nothing else', async () => {
        const { stores } = subject();
        await add(stores, ...['/a', '/b', '/c', '/d'].map((source) => message(source, 1)));
        for (const [source, at] of [
          ['/a', 20],
          ['/b', 10],
          ['/c', 30],
        ] as const) {
          await stores.outbox.markPublished(await rowsOf(source), at, 'relay', await leases());
        }
        expect(await stores.outbox.deletePublishedBefore(30, 1)).toBe(1);
        expect(await stores.outbox.deletePublishedBefore(15, 10)).toBe(0);
        expect(await stores.outbox.deletePublishedBefore(30, 10)).toBe(1);
        expect(await stores.outbox.deletePublishedBefore(31, 10)).toBe(1);
        expect((await due(stores)).map(({ source }) => source)).toEqual(['/d']);
      });

      it('never uses a row number again: a late mark cannot hit a newer message', async () => {
        const { stores } = subject();
        await add(stores, message('/a', 1));
        const old = await rowsOf('/a');
        await publish('/a');
        await stores.outbox.deletePublishedBefore(1_000, 10);
        await add(stores, message('/b', 1));
        expect(await stores.outbox.markPublished(old, 60, 'relay', await leases())).toBe(0);
        expect(await rowsOf('/b')).toHaveLength(1);
      });
    });
  });
};
