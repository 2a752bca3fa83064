import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryState, type MemoryState } from '../../../src/adapters/memory/memoryState.ts';
import { openMemoryStores } from '../../../src/adapters/memory/openMemoryStores.ts';
import type { Stores } from '../../../src/ports/stores.ts';
import { type Transaction, TransactionConflict } from '../../../src/ports/unitOfWork.ts';
import { due, event, gate, message, record, stream, view } from '../../contracts/storeFixtures.ts';
import { propertyOptions } from '../../support/properties.ts';

/** One command: done once per key, counted in a stream, told in a message. */
const count =
  (key: string) =>
  async (tx: Transaction): Promise<string> => {
    const [known] = await tx.idempotency.find([record(key)]);
    if (known !== undefined) return known.answer;
    const [state] = await tx.inbox.lockGates([gate('/counter')]);
    const handled = state?.sequence ?? 0;
    const events = await tx.events.readStreams([stream('counter')]);
    const next = events.length + 1;
    const result = await tx.events.append([
      { ...stream('counter'), expected: events.length, events: [event({ key })] },
      { ...stream(key), expected: 'none', events: [event()] },
    ]);
    // A copy of the command was faster than this one, which did not see its key.
    if (!result.ok) throw new TransactionConflict();
    await tx.outbox.add([message('/counter', next)]);
    await tx.orderViews.save([
      view('counter', next === 1 ? result.firstPositions[0]! : null, { version: next }),
    ]);
    await tx.idempotency.save([record(key, { answer: `${next}` })]);
    await tx.inbox.moveGates([{ ...gate('/counter'), sequence: handled + 1 }]);
    return `${next}`;
  };

const untilDone = async (stores: Stores, key: string, seen: { conflicts: number }): Promise<string> => {
  for (;;) {
    try {
      return await stores.unitOfWork.transact(count(key));
    } catch (failure) {
      if (!(failure instanceof TransactionConflict)) throw failure;
      seen.conflicts += 1;
    }
  }
};

/** The same number everywhere, or something was written without the rest. */
const counted = async (state: MemoryState): Promise<readonly number[]> => {
  const stores = openMemoryStores({ state });
  const events = await stores.events.readStream(stream('counter'));
  const all = await stores.events.readAll(0, 1_000);
  const messages = await due(stores);
  const order = await stores.orderViews.get('shop', 'counter');
  const [handled] = await stores.unitOfWork.transact((tx) => tx.inbox.lockGates([gate('/counter')]));
  return [
    events.length,
    all.length / 2,
    messages.length,
    order?.version ?? 0,
    handled?.sequence ?? 0,
    state.idempotency.size,
  ];
};

describe('in-memory stores', () => {
  it('count each key once and everything else with it, in whatever order the steps of many come', async () => {
    const seen = { conflicts: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 2, maxLength: 6 }),
        async (scheduler, keys) => {
          const state = createMemoryState();
          const answers = keys.map((key) => {
            const stores = openMemoryStores({
              state,
              pause: (label) => scheduler.schedule(Promise.resolve(), label),
            });
            return untilDone(stores, key, seen);
          });
          const given = await scheduler.waitFor(Promise.all(answers));
          const distinct = new Set(keys).size;
          expect(new Set(given).size).toBe(distinct);
          expect(new Set(await counted(state))).toEqual(new Set([distinct]));
          const positions = state.log.map(({ position }) => position);
          expect(positions).toEqual(positions.toSorted((one, other) => one - other));
        },
      ),
      propertyOptions(),
    );
    expect(seen.conflicts).toBeGreaterThan(0);
  });

  it('keep all of a transaction or nothing, at whichever step the process dies', async () => {
    const outcomes: number[] = [];
    for (let fatal = 1; ; fatal += 1) {
      const state = createMemoryState();
      let step = 0;
      const dying = openMemoryStores({
        state,
        pause: async () => {
          step += 1;
          if (step >= fatal) throw new Error('killed');
        },
      });
      const answer = await dying.unitOfWork.transact(count('a')).catch(() => undefined);
      const numbers = await counted(state);
      expect(new Set(numbers).size).toBe(1);
      outcomes.push(numbers[0]!);
      expect(await openMemoryStores({ state }).unitOfWork.transact(count('a'))).toBe('1');
      expect(await counted(state)).toEqual([1, 1, 1, 1, 1, 1]);
      if (answer !== undefined) break;
    }
    expect(outcomes.length).toBeGreaterThan(8);
    expect(new Set(outcomes)).toEqual(new Set([0, 1]));
  });
});
