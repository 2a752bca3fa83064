import { describe, expect, it } from 'vitest';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { readState } from '../../src/app/commands/readState.ts';
import type { Session } from '../../src/app/commands/work.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { everyPartition } from '../contracts/storeFixtures.ts';
import { at, count, counter, counterWork, countingReads, pipelineOn } from '../support/counters.ts';

const outboxOf = (stores: Stores) =>
  stores.outbox.readDue({ partitions: everyPartition, now: Number.MAX_SAFE_INTEGER, limit: 1000 });

const repeat = (times: number, one: () => Promise<unknown>) =>
  Array.from({ length: times }).reduce<Promise<unknown>>((before) => before.then(one), Promise.resolve());

describe('an aggregate with private events', () => {
  it('publishes the others only, numbered without gaps whatever batches they come in', async () => {
    const stores = openMemoryStores();
    const pipeline = pipelineOn(stores);
    await pipeline.submit(count('Whispered'));
    await Promise.all([
      pipeline.submit(count('Counted')),
      pipeline.submit(count('Whispered')),
      pipeline.submit(count('Counted')),
    ]);
    await repeat(9, () => pipeline.submit(count('Whispered')));
    const last = await pipeline.submit(count('Counted'));
    expect(last).toMatchObject({ wrote: { stream: 'counters/a', sequence: 3 } });
    const sent = await outboxOf(stores);
    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(sent.map(({ payload }) => JSON.parse(payload).data.version)).toEqual([2, 4, 14]);
  });

  it('has nothing to wait for when all it wrote is private', async () => {
    const result = await pipelineOn(openMemoryStores()).submit(count('Whispered'));
    expect(result).toMatchObject({ kind: 'done', wrote: null });
  });
});

describe('a stream with snapshots', () => {
  it('is read from its last snapshot on, and folds to the same', async () => {
    const { stores, read } = countingReads(openMemoryStores());
    const pipeline = pipelineOn(stores);
    await repeat(25, () => pipeline.submit(count('Counted', 2)));
    const before = read();
    await pipelineOn(stores).submit(count('Counted', 2));
    expect(read() - before).toBe(5);
    expect(await readState(counter(), stores, 'default', 'a')).toEqual({ state: 52, version: 26 });
    expect((await outboxOf(stores)).at(-1)).toMatchObject({ sequence: 26 });
  });

  it('is read from its start when its snapshot has an older shape', async () => {
    const { stores, read } = countingReads(openMemoryStores());
    const pipeline = pipelineOn(stores);
    await repeat(12, () => pipeline.submit(count('Counted', 2)));
    const before = read();
    await pipelineOn(stores, 2).submit(count('Counted', 2, 2));
    expect(read() - before).toBe(12);
    expect(await readState(counter(2), stores, 'default', 'a')).toEqual({ state: 26, version: 13 });
  });
});

describe('a task', () => {
  const send = (session: Session) =>
    session.send({
      id: 't-1',
      queue: 'shop.orderflow.orders',
      type: 'orderflow.task.look.v1',
      data: { orderId: 'o-1' },
      time: at,
      dueAt: 5_000,
    });

  it('leaves through the outbox, for one queue, outside of any sequence and not before its time', async () => {
    const stores = openMemoryStores();
    await pipelineOn(stores).submit(counterWork(send));
    const [message] = await outboxOf(stores);
    expect(message).toMatchObject({
      id: 't-1',
      exchange: 'tasks',
      routingKey: 'shop.orderflow.orders',
      source: '/orderflow/tasks/t-1',
      dueAt: 5_000,
    });
    const envelope = JSON.parse(message?.payload ?? '');
    expect(envelope).toMatchObject({ id: 't-1', type: 'orderflow.task.look.v1', correlationid: 'c-1' });
    expect(envelope).not.toHaveProperty('sequence');
  });

  it('of a work that fails is never sent', async () => {
    const stores = openMemoryStores();
    const failing = counterWork((session) => {
      send(session);
      throw new Error('changed my mind');
    });
    await expect(pipelineOn(stores).submit(failing)).rejects.toThrow('changed my mind');
    expect(await outboxOf(stores)).toEqual([]);
  });
});
