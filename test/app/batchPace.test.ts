import { describe, expect, it } from 'vitest';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { WritePipeline } from '../../src/app/commands/WritePipeline.ts';
import type { Work } from '../../src/app/commands/work.ts';
import { gateKeeper } from '../../src/app/messaging/consume/GateBook.ts';
import { readEnvelope } from '../../src/app/messaging/consume/incomingMessage.ts';
import type { Origin } from '../../src/app/messaging/consume/messageHandler.ts';
import { handleWork } from '../../src/app/messaging/consume/messageWork.ts';
import { turns, VirtualClock } from '../support/virtualClock.ts';

const setUp = () => {
  const clock = new VirtualClock();
  const batches: number[] = [];
  let size = 0;
  const { unitOfWork } = openMemoryStores();
  const pipeline = new WritePipeline({
    clock,
    ids: uuidV7Ids,
    logger: silentLogger,
    capacity: 1_000,
    maxBatch: 100,
    onCommitted: () => undefined,
    unitOfWork: {
      transact: async (work) => {
        size = 0;
        const result = await unitOfWork.transact(work);
        batches.push(size);
        return result;
      },
      close: () => unitOfWork.close(),
    },
  });
  const work = (patient: boolean): Work<void> => ({
    cause: { tenant: 'default', correlationId: 'c', causationId: 'c', traceparent: null },
    streams: [],
    patient,
    run: () => {
      size += 1;
    },
  });
  const submit = (count: number, patient = true): Promise<unknown> =>
    Promise.all(Array.from({ length: count }, () => pipeline.submit(work(patient))));
  return { clock, batches, submit, pipeline };
};

/** Load: a large batch has just ended. */
const underLoad = async () => {
  const world = setUp();
  await world.submit(20);
  return world;
};

describe('patient works', () => {
  it('begin at once when there is no load', async () => {
    const { batches, submit } = setUp();
    await submit(3);
    await submit(1);
    expect(batches).toEqual([3, 1]);
  });

  it('gather for 10 ms after a large batch while more come, and then share a transaction', async () => {
    const { clock, batches, submit } = await underLoad();
    const all: Promise<unknown>[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      all.push(submit(1));
      await clock.advance(2);
      expect(batches).toEqual(turn < 4 ? [20] : [20, 5]);
    }
    await Promise.all(all);
    expect(batches).toEqual([20, 5]);
  });

  it('begin when nothing more has come for 3 ms', async () => {
    const { clock, batches, submit } = await underLoad();
    const all = submit(2);
    await clock.advance(2);
    expect(batches).toEqual([20]);
    await clock.advance(1);
    await all;
    expect(batches).toEqual([20, 2]);
  });

  it('begin at once when the large batch ended 10 ms ago', async () => {
    const { clock, batches, submit } = await underLoad();
    await clock.advance(10);
    await submit(2);
    expect(batches).toEqual([20, 2]);
  });

  it('begin as soon as they are enough', async () => {
    const { batches, submit } = await underLoad();
    const first = submit(63);
    await turns();
    expect(batches).toEqual([20]);
    await Promise.all([first, submit(1)]);
    expect(batches).toEqual([20, 64]);
  });

  it('begin with the first work that somebody waits for', async () => {
    const { batches, submit } = await underLoad();
    const first = submit(2);
    await turns();
    await Promise.all([first, submit(1, false)]);
    expect(batches).toEqual([20, 3]);
  });

  it('do not wait longer because the wall clock was set back', async () => {
    const { clock, batches, submit } = await underLoad();
    clock.setBack(3_600_000);
    await submit(2);
    expect(batches).toEqual([20, 2]);
  });

  it('begin at once when the pipeline stops', async () => {
    const { batches, submit, pipeline } = await underLoad();
    const last = submit(2);
    await turns();
    await Promise.all([last, pipeline.stop()]);
    expect(batches).toEqual([20, 2]);
  });
});

it('works that somebody waits for never wait for others', async () => {
  const { batches, submit } = setUp();
  await submit(20, false);
  await submit(2, false);
  expect(batches).toEqual([20, 2]);
});

it('a message is patient as it comes from the broker, and not when what follows waits for it alone', () => {
  const raw = {
    id: 'm',
    type: 't',
    contentType: 'application/cloudevents+json',
    timestamp: 0,
    headers: {},
    payload: JSON.stringify({ id: 'm', source: '/s', type: 't', sequence: '0000000001' }),
  };
  const handler = { consumer: 'c', queue: 'q', streams: () => [], handle: () => undefined };
  const patience = (origin: Origin) =>
    handleWork(gateKeeper(Date.now), { handler, message: readEnvelope(raw), origin }, undefined, Date.now)
      .patient;
  expect([patience('broker'), patience('store'), patience('redrive')]).toEqual([true, false, false]);
});
