import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { RecentStreams } from '../../src/app/commands/RecentStreams.ts';
import { readState } from '../../src/app/commands/readState.ts';
import { orderModel, orderStream } from '../../src/app/orders/orderModel.ts';
import type { OrderCommand } from '../../src/domain/orders/orderCommands.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { StoreUnavailable } from '../../src/ports/unitOfWork.ts';
import { everyPartition } from '../contracts/storeFixtures.ts';
import {
  at,
  count,
  counter,
  counterWork,
  countingReads,
  pipelineOn,
  withTransactions,
} from '../support/counters.ts';
import { placeOrder } from '../support/orders.ts';
import { propertyOptions } from '../support/properties.ts';

const sumOf = async (stores: Stores, id = 'a') => (await readState(counter(), stores, 'default', id)).state;

/** The sequences of a stream's messages, in order. */
const sequencesOf = async (stores: Stores, id = 'a') =>
  (await stores.outbox.readDue({ partitions: everyPartition, now: Number.MAX_SAFE_INTEGER, limit: 10_000 }))
    .filter(({ source }) => source === `/orderflow/counters/${id}`)
    .map(({ sequence }) => sequence);

describe('a stream that was used lately', () => {
  it('is not read again', async () => {
    const { stores, read } = countingReads(openMemoryStores());
    const pipeline = pipelineOn(stores);
    for (let turn = 0; turn < 8; turn += 1) await pipeline.submit(count('Counted'));
    expect(read()).toBe(0);
    expect(await sumOf(stores)).toBe(8);
  });

  it('goes on from what others have written meanwhile', async () => {
    const { stores, read } = countingReads(openMemoryStores());
    const [mine, theirs] = [pipelineOn(stores), pipelineOn(stores)];
    await mine.submit(count('Counted'));
    await theirs.submit(count('Counted'));
    await theirs.submit(count('Whispered'));
    const before = read();
    await mine.submit(count('Counted'));
    expect(read() - before).toBe(2);
    expect(await sumOf(stores)).toBe(4);
    expect(await sequencesOf(stores)).toEqual([1, 2, 3]);
  });

  it('is as it was before a batch that could not be written', async () => {
    const stores = openMemoryStores();
    let away = false;
    const pipeline = pipelineOn({
      ...stores,
      unitOfWork: {
        transact: (run) =>
          stores.unitOfWork.transact(async (tx) => {
            const result = await run(tx);
            if (away) throw new StoreUnavailable('the disk is full');
            return result;
          }),
        close: stores.unitOfWork.close,
      },
    });
    await pipeline.submit(count('Counted'));
    away = true;
    await expect(pipeline.submit(count('Counted', 5))).rejects.toThrow(StoreUnavailable);
    away = false;
    await pipeline.submit(count('Counted'));
    expect(await sumOf(stores)).toBe(2);
    expect(await sequencesOf(stores)).toEqual([1, 2]);
  });

  it('is read again when what is remembered cannot be continued', async () => {
    const stores = openMemoryStores();
    let inner = stores.unitOfWork;
    const pipeline = pipelineOn({
      ...stores,
      unitOfWork: { transact: (run) => inner.transact(run), close: () => inner.close() },
    });
    await pipeline.submit(count('Counted'));
    await pipeline.submit(count('Counted'));
    // As after a backup was restored: the stream is shorter than it was.
    const restored = openMemoryStores();
    await pipelineOn(restored).submit(count('Counted', 5));
    inner = restored.unitOfWork;
    await pipeline.submit(count('Counted'));
    expect(await sumOf(restored)).toBe(6);
  });

  it('is remembered when it was only looked at, and when a work of its batch failed', async () => {
    const { stores, read } = countingReads(openMemoryStores());
    await pipelineOn(stores).submit(count('Counted'));
    const pipeline = pipelineOn(stores);
    const failing = counterWork((session) => {
      session.execute(counter(), 'a', { type: 'Counted', by: 7 });
      throw new Error('it was not to be');
    });
    await expect(pipeline.submit(failing)).rejects.toThrow('it was not to be');
    await pipeline.submit(count('Counted'));
    expect(read()).toBe(1);
    expect(await sumOf(stores)).toBe(2);
  });

  it('gets its snapshots as if it had been read each time', async () => {
    const stores = openMemoryStores();
    const pipeline = pipelineOn(stores);
    const versions: number[] = [];
    for (let turn = 0; turn < 25; turn += 1) {
      await pipeline.submit(count('Counted'));
      const [snapshot] = await stores.snapshots.find([
        { tenant: 'default', stream: 'counters/a', schema: 1 },
      ]);
      if (snapshot !== undefined && snapshot.version !== versions.at(-1)) versions.push(snapshot.version);
    }
    expect(versions).toEqual([10, 20]);
  });

  it('keeps its place in the list of orders', async () => {
    const stores = openMemoryStores();
    const places: (number | null)[] = [];
    const pipeline = pipelineOn(
      withTransactions(stores, (tx) => ({
        ...tx,
        orderViews: {
          ...tx.orderViews,
          save: (views) => {
            places.push(...views.map(({ firstPosition }) => firstPosition));
            return tx.orderViews.save(views);
          },
        },
      })),
    );
    const submit = (id: string, command: OrderCommand) =>
      pipeline.submit({
        cause: { tenant: 'default', correlationId: 'c', causationId: 'c', traceparent: null },
        streams: [orderStream(id)],
        run: (session) => session.execute(orderModel, id, command).ok,
      });
    await submit('one', placeOrder());
    await submit('two', placeOrder());
    await submit('one', { type: 'CancelOrder', at, note: 'n', refundId: 'r' });
    expect(places).toEqual([1, 2, 1]);
  });
});

it('whoever writes in whichever batches, each stream folds to the sum, and its messages have no gap', async () => {
  const step = fc.record({
    writer: fc.nat(2),
    id: fc.constantFrom('a', 'b', 'c'),
    type: fc.constantFrom('Counted' as const, 'Whispered' as const),
    together: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const stores = openMemoryStores();
      const writers = [pipelineOn(stores), pipelineOn(stores), pipelineOn(stores)];
      let underWay: Promise<unknown>[] = [];
      for (const { writer, id, type, together } of steps) {
        underWay.push(writers[writer]!.submit(count(type, 1, 1, id)));
        if (together) continue;
        await Promise.all(underWay);
        underWay = [];
      }
      await Promise.all(underWay);
      for (const name of ['a', 'b', 'c']) {
        const its = steps.filter(({ id }) => id === name);
        const told = its.filter(({ type }) => type === 'Counted').length;
        expect(await sumOf(stores, name)).toBe(its.length);
        expect(await sequencesOf(stores, name)).toEqual(
          Array.from({ length: told }, (_, index) => index + 1),
        );
      }
    }),
    propertyOptions(),
  );
});

describe('the memory of streams', () => {
  const stream = (state: unknown) => ({
    version: 1,
    firstPosition: 1,
    published: 1,
    snapshotVersion: 0,
    state,
  });

  it('lets go of those that were used longest ago, by the size of their states', () => {
    const recent = new RecentStreams(10_000);
    const big = { lines: ['x'.repeat(3_000)], more: new Map([['y', 'y'.repeat(1_500)]]) };
    recent.keep('first', stream(1));
    recent.keep('big', stream(big));
    recent.keep('second', stream(2));
    expect(recent.get('first')).toEqual(stream(1)); // half of it, and that is the older half
    recent.keep('bigger', stream(big));
    expect(recent.get('first')).toBeUndefined();
    expect(recent.get('second')).toEqual(stream(2));
  });

  it('does not count one that is kept again and again', () => {
    const recent = new RecentStreams(10_000);
    recent.keep('first', stream(1));
    for (let version = 2; version < 1_000; version += 1) recent.keep('hot', { ...stream(1), version });
    for (let turn = 0; turn < 1_000; turn += 1) recent.keep('looked at', stream(1));
    expect(recent.get('first')).toEqual(stream(1));
  });

  it('holds thousands of small ones', () => {
    const recent = new RecentStreams();
    for (let index = 0; index < 10_000; index += 1) recent.keep(`counters/${index}`, stream(index));
    expect(recent.get('counters/0')).toEqual(stream(0));
  });
});
