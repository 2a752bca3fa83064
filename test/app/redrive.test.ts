import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryState } from '../../src/adapters/memory/memoryState.ts';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { deadLetterService } from '../../src/app/messaging/desk/deadLetterService.ts';
import { redriveJobs } from '../../src/app/messaging/desk/redriveJobs.ts';
import { JobWorker } from '../../src/app/messaging/operate/JobWorker.ts';
import { eventually } from '../support/eventually.ts';

const ann = { tenant: 'default', who: 'ann' };

describe('redriving', () => {
  const state = () => current.state;
  let current: ReturnType<typeof open>;
  const open = () => {
    const memory = createMemoryState();
    const { unitOfWork, deadLetters: desk } = openMemoryStores({ state: memory });
    const system = { clock: systemClock, ids: uuidV7Ids, logger: silentLogger };
    const kind = redriveJobs({ unitOfWork, desk, ...system, onCommitted: () => {} });
    const newWorker = () => new JobWorker({ kind, ...system });
    const service = deadLetterService({
      unitOfWork,
      desk,
      ...system,
      onCommitted: () => {},
      onJob: () => {},
    });
    return { state: memory, desk, service, newWorker, workers: [] as JobWorker[] };
  };
  const start = (): JobWorker => {
    const worker = current.newWorker();
    current.workers.push(worker);
    worker.start();
    return worker;
  };
  beforeEach(() => {
    current = open();
  });
  afterEach(async () => {
    for (const worker of current.workers) await worker.stop();
  });

  const fill = (count: number, queue = 'orderflow.orders', redrivable = true) =>
    current.desk.keep(
      Array.from({ length: count }, (_, index) => ({
        id: uuidV7Ids.next(),
        tenant: 'default',
        queue,
        messageId: `${queue}-${index}`,
        reason: 'refused',
        error: null,
        attempts: 1,
        type: 'orderflow.inventory.stock-reserved.v1',
        source: `/orderflow/reservations/${index}`,
        sequence: 1,
        firstSeen: 1,
        foundAt: 1,
        redrivable,
        message: JSON.stringify({ payload: `payload ${index}` }),
      })),
    );
  const sent = () => [...state().outbox.values()];
  const ended = (id: string, expected: object) =>
    eventually(async () => expect(await current.desk.job('default', id)).toMatchObject(expected));
  const everything = { selection: {}, limit: null, ratePerSecond: null };

  it('sends each letter to its own queue, marked, and takes it from the desk', async () => {
    await fill(3);
    await fill(1, 'other');
    start();
    const job = await current.service.redrive(ann, everything);
    expect(job.endedAt).toBeNull();
    await ended(job.id, { state: 'done', total: 4, done: 4, endedAt: expect.any(Number) });
    expect(sent().map(({ routingKey, id }) => [routingKey, id])).toEqual([
      ['orderflow.orders', 'orderflow.orders-0'],
      ['orderflow.orders', 'orderflow.orders-1'],
      ['orderflow.orders', 'orderflow.orders-2'],
      ['other', 'other-0'],
    ]);
    expect(sent()[0]).toMatchObject({
      exchange: 'tasks',
      payload: 'payload 0',
      headers: { 'x-orderflow-redrive': 'true' },
    });
    expect(await current.desk.count('default', {})).toBe(0);
  });

  it('shares the work of several workers, and sends no letter twice, across a stop', async () => {
    await fill(2_000);
    const job = await current.service.redrive(ann, { ...everything, limit: 1_900 });
    const first = start();
    await eventually(() => expect(sent().length).toBeGreaterThan(0), { intervalMs: 0 });
    await first.stop();
    start();
    start();
    await ended(job.id, { state: 'done', done: 1_900 });
    expect(new Set(sent().map(({ id }) => id)).size).toBe(1_900);
    expect(sent()).toHaveLength(1_900);
    expect(await current.desk.count('default', {})).toBe(100);
  });

  it('keeps to its rate, and stops when it is cancelled', async () => {
    await fill(100);
    const job = await current.service.redrive(ann, { ...everything, ratePerSecond: 10 });
    start();
    await eventually(() => expect(sent()).toHaveLength(10));
    expect(await current.service.cancel(ann, job.id)).toMatchObject({ state: 'cancelled', done: 10 });
    await ended(job.id, { state: 'cancelled', done: 10, endedAt: expect.any(Number) });
    expect(await current.desk.count('default', {})).toBe(90);
  });

  it('skips what is too large to be sent back, and counts it', async () => {
    await fill(3);
    await fill(2, 'large', false);
    start();
    const job = await current.service.redrive(ann, everything);
    await ended(job.id, { state: 'done', total: 3, done: 3, skipped: 2 });
    const large = await current.service.redrive(ann, { ...everything, selection: { queue: 'large' } });
    await ended(large.id, { state: 'done', total: 0, done: 0, skipped: 2 });
    expect(sent().map(({ routingKey }) => routingKey)).toEqual(Array(3).fill('orderflow.orders'));
    expect(await current.desk.count('default', {})).toBe(2);
  });

  it('leaves alone what dies again while it runs', async () => {
    await fill(1);
    start();
    const job = await current.service.redrive(ann, everything);
    await ended(job.id, { state: 'done', done: 1 });
    await fill(1);
    const other = await current.service.redrive(ann, { ...everything, selection: { queue: 'other' } });
    await ended(other.id, { state: 'done', total: 0, done: 0 });
    expect(await current.desk.count('default', {})).toBe(1);
  });
});
