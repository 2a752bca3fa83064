import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryState } from '../../src/adapters/memory/memoryState.ts';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { WritePipeline } from '../../src/app/commands/WritePipeline.ts';
import { orderService } from '../../src/app/orders/orderService.ts';
import type { CommandResult } from '../../src/ports/commands.ts';
import type { OrderOutcome, OrderService } from '../../src/ports/orderService.ts';
import { interleave } from '../support/interleave.ts';
import { placeOrder } from '../support/orders.ts';
import { propertyOptions } from '../support/properties.ts';

/** What a client was told: the remembered text, whether it came first or as a replay. */
const told = (result: CommandResult<OrderOutcome>): string => {
  if (result.kind === 'replayed') return result.answer;
  if (result.kind === 'done' && result.outcome.kind === 'accepted') return render(result.outcome);
  throw new Error(`unexpected ${result.kind}`);
};

const render = (outcome: OrderOutcome): string => JSON.stringify(outcome);

describe('idempotency under any interleaving', () => {
  it('gives every copy of a request the same answer and does its work once, whatever crashes in between', async () => {
    const seen = { replays: 0, crashes: 0, conflicts: 0 };
    const property = fc.asyncProperty(
      fc.scheduler(),
      // Which key each copy carries, and which of two processes receives it.
      fc.array(fc.record({ key: fc.integer({ min: 0, max: 2 }), process: fc.integer({ min: 0, max: 1 }) }), {
        minLength: 2,
        maxLength: 10,
      }),
      // At which of its port calls the first process dies; 40 is beyond most runs.
      fc.integer({ min: 1, max: 40 }),
      async (scheduler, copies, dieAt) => {
        const world = openWorld(scheduler, dieAt);
        const answers = new Map<number, Set<string>>();
        const client = async ({ key, process }: { key: number; process: number }) => {
          const result = await repeatUntilAnswered(world, process, key);
          if (result.kind === 'replayed') seen.replays += 1;
          answers.set(key, (answers.get(key) ?? new Set()).add(told(result)));
        };
        await interleave(
          scheduler,
          Promise.all(copies.map(client)).then(() => undefined),
        );
        if (world.died()) seen.crashes += 1;
        seen.conflicts += world.conflicts();

        const keys = new Set(copies.map(({ key }) => key));
        const events = await world.readAll();
        expect(events.map(({ type }) => type)).toEqual(Array.from(keys, () => 'OrderPlaced'));
        expect(await world.outboxSize()).toBe(keys.size);
        for (const given of answers.values()) expect(given.size).toBe(1);
      },
    );
    await fc.assert(property, propertyOptions({ numRuns: 150 }));
    expect(seen.replays).toBeGreaterThan(0);
    expect(seen.crashes).toBeGreaterThan(0);
    expect(seen.conflicts).toBeGreaterThan(0);
  });
});

/** Two processes on one database. The first dies at its n-th port call: none of its calls ever answers again. */
const openWorld = (scheduler: fc.Scheduler, dieAt: number) => {
  let calls = 0;
  let conflicts = 0;
  const death = Promise.withResolvers<never>();
  death.promise.catch(() => {});
  const state = createMemoryState();
  const stores = openMemoryStores({ state });
  const start = (pause: (label: string) => Promise<void>): OrderService => {
    const process = openMemoryStores({ state, pause });
    const pipeline = new WritePipeline({
      unitOfWork: process.unitOfWork,
      clock: {
        now: systemClock.now,
        // The pipeline sleeps between two attempts, after a conflict.
        sleep: () => {
          conflicts += 1;
          return pause('sleep');
        },
      },
      ids: uuidV7Ids,
      logger: silentLogger,
      capacity: 100,
      maxBatch: 3,
      onCommitted: () => {},
    });
    return orderService({
      pipeline,
      events: process.events,
      views: process.orderViews,
      waiters: { waitFor: () => Promise.resolve(false) },
    });
  };
  const scheduled = async (label: string): Promise<void> => {
    await scheduler.schedule(Promise.resolve(), label);
  };
  const mortal = async (label: string): Promise<void> => {
    calls += 1;
    if (calls === dieAt) death.reject(new Error('the process died'));
    if (calls >= dieAt) await new Promise(() => {});
    await scheduled(label);
  };
  const processes = [start(mortal), start(scheduled)];
  return {
    processes,
    death: death.promise,
    died: () => calls >= dieAt,
    conflicts: () => conflicts,
    readAll: () => stores.events.readAll(0, 1000),
    outboxSize: async () => (await stores.outbox.stats(0)).pending,
  };
};

/** A client whose connection broke asks again, now of the process that lives. */
const repeatUntilAnswered = async (world: ReturnType<typeof openWorld>, process: number, key: number) => {
  const request = () => ({
    cause: { tenant: 'default', correlationId: 'c', causationId: 'c', traceparent: null },
    orderId: uuidV7Ids.next(),
    command: placeOrder(),
    repeatable: { caller: 'client', key: `key-${key}`, fingerprint: 'same', remember: render },
  });
  const submit = (to: OrderService | undefined) => {
    if (to === undefined) throw new Error('no such process');
    return to.submit(request());
  };
  if (process === 1) return submit(world.processes[1]);
  try {
    return await Promise.race([submit(world.processes[0]), world.death]);
  } catch {
    return submit(world.processes[1]);
  }
};
