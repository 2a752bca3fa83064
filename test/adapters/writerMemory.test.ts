import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SendingSession } from '../../src/adapters/sql/dialect.ts';
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { Remembered, WriterMemory } from '../../src/adapters/sql/WriterMemory.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import type { Stores } from '../../src/ports/stores.ts';
import type { Transaction } from '../../src/ports/unitOfWork.ts';
import { event, gate, stream, waiting } from '../contracts/storeFixtures.ts';
import { propertyOptions } from '../support/properties.ts';

const names = ['a', 'b', 'c'];

/** What the database must say, whoever asks: versions of streams, sequences of gates, and the rows that wait. */
interface Model {
  readonly versions: Map<string, number>;
  readonly gates: Map<string, number>;
  readonly waiting: Map<string, number>;
  events: number;
}

interface Step {
  readonly writer: number;
  readonly kind: 'append' | 'move' | 'hold' | 'drop' | 'look';
  readonly name: string;
  /** The transaction fails at its end, and nothing of it counts. */
  readonly fails: boolean;
  /** It begins while the one before is still under way. */
  readonly joins: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  writer: fc.nat(1),
  kind: fc.constantFrom(
    'append' as const,
    'move' as const,
    'hold' as const,
    'drop' as const,
    'look' as const,
  ),
  name: fc.constantFrom(...names),
  fails: fc.nat(4).map((number) => number === 0),
  joins: fc.nat(2).map((number) => number === 0),
});

const countOf = (counts: Map<string, number>, name: string): number => counts.get(name) ?? 0;

const act = async (tx: Transaction, { kind, name }: Step): Promise<void> => {
  const [state] = await tx.inbox.lockGates([gate(name)]);
  const next = (state?.sequence ?? 0) + 1;
  if (kind === 'append')
    await tx.events.append([{ ...stream(name), expected: 'any', events: [event(), event()] }]);
  if (kind === 'move') await tx.inbox.moveGates([{ ...gate(name), sequence: next }]);
  if (kind === 'hold') await tx.inbox.saveWaiting([waiting(name, next + 1)]);
  if (kind === 'drop') await tx.inbox.dropWaitingThrough([{ ...gate(name), sequence: 1_000 }]);
};

const note = (model: Model, { kind, name }: Step): void => {
  if (kind === 'append') {
    model.versions.set(name, countOf(model.versions, name) + 2);
    model.events += 2;
  }
  if (kind === 'move') model.gates.set(name, countOf(model.gates, name) + 1);
  if (kind === 'hold') model.waiting.set(name, 1);
  if (kind === 'drop') model.waiting.delete(name);
};

/** What a transaction of these stores sees, and what the rows themselves say. */
const look = (stores: Stores) =>
  stores.unitOfWork.transact(async (tx) => {
    const states = await tx.inbox.lockGates(names.map((name) => gate(name)));
    const events = await tx.events.readStreams(names.map((name) => stream(name)));
    const versions = names.map((name) => events.filter((one) => one.stream === stream(name).stream).length);
    const unlikely = await tx.events.append(
      names.map((name) => ({ ...stream(name), expected: 999, events: [event()] })),
    );
    const known = await Promise.all(
      names.map((name, index) => tx.events.readStreams([{ ...stream(name), after: versions[index] ?? 0 }])),
    );
    return {
      gates: states.map(({ sequence }) => sequence),
      waits: states.map(({ hasWaiting }) => hasWaiting),
      versions,
      further: known.flat().length,
      actual: unlikely.ok ? [] : unlikely.conflicts.map(({ actual }) => actual),
    };
  });

it('what is remembered is what the database has, whoever wrote it and whatever failed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      const directory = await mkdtemp(join(tmpdir(), 'orderflow-memory-'));
      const file = join(directory, 'orderflow.db');
      const open = () => openSqliteStores({ file, migrate: 'up', clock: systemClock, logger: silentLogger });
      const writers = [await open(), await open()];
      try {
        const model: Model = { versions: new Map(), gates: new Map(), waiting: new Map(), events: 0 };
        const asModelled = () => ({
          gates: names.map((name) => countOf(model.gates, name)),
          waits: names.map((name) => model.waiting.has(name)),
          versions: names.map((name) => countOf(model.versions, name)),
          further: 0,
          actual: names.map((name) => countOf(model.versions, name)),
        });
        let underWay: Promise<void>[] = [];
        let last = 0;
        for (const one of steps) {
          // Those of two processes must follow each other for the model to know their order.
          if (!one.joins || one.writer !== last) {
            await Promise.all(underWay);
            underWay = [];
          }
          if (one.kind === 'look' && underWay.length === 0)
            expect(await look(writers[one.writer]!)).toEqual(asModelled());
          last = one.writer;
          const failure = new Error('the work failed');
          const done = writers[one.writer]!.unitOfWork.transact(async (tx) => {
            await act(tx, one);
            if (one.fails) throw failure;
          });
          underWay.push(one.fails ? expect(done).rejects.toBe(failure) : done);
          if (!one.fails) note(model, one);
        }
        await Promise.all(underWay);
        for (const writer of [...writers, ...writers]) expect(await look(writer)).toEqual(asModelled());
        const all = await writers[0]!.events.readAll(0, 1_000);
        expect(all.map(({ position }) => position)).toEqual(
          Array.from({ length: model.events }, (_, index) => index + 1),
        );
      } finally {
        for (const writer of writers) await writer.close();
        await rm(directory, { recursive: true, force: true });
      }
    }),
    propertyOptions({ numRuns: 40 }),
  );
}, 120_000);

describe('a writer’s memory', () => {
  let counter: number;
  /** A session that answers nothing but the counter. */
  const session: SendingSession = {
    requireOpen: () => undefined,
    send: () => undefined,
    query: async <Row extends object>() => [{ counter }] as unknown as readonly Row[],
  };
  const remembering = async (commitsOfOthers?: string) => {
    const memory = new WriterMemory(commitsOfOthers);
    counter = 7;
    memory.begin();
    await memory.fresh(session);
    memory.streams.set('a', { version: 3 });
    memory.gates.set('g', { sequence: 2, hasWaiting: false });
    memory.lastPosition = 12;
    memory.begin();
    return memory;
  };
  const isEmpty = ({ streams, gates, lastPosition }: WriterMemory): boolean =>
    streams.get('a') === undefined && gates.get('g') === undefined && lastPosition === undefined;

  it('lasts for as long as nobody else has committed', async () => {
    const memory = await remembering('select counter');
    await memory.fresh(session);
    expect(memory.streams.get('a')).toEqual({ version: 3 });
    counter = 8;
    memory.begin();
    await memory.fresh(session);
    expect(isEmpty(memory)).toBe(true);
  });

  it('ends when something was rolled back', async () => {
    const memory = await remembering('select counter');
    memory.forget();
    expect(isEmpty(memory)).toBe(true);
    await memory.fresh(session);
    expect(isEmpty(memory)).toBe(true);
  });

  it('lasts for one transaction where nobody counts the commits of others', async () => {
    const memory = await remembering();
    await memory.fresh(session);
    expect(isEmpty(memory)).toBe(true);
    memory.streams.set('a', { version: 4 });
    await memory.fresh(session);
    expect(isEmpty(memory)).toBe(false);
  });

  it('keeps at most so many, and those that were used last', () => {
    const remembered = new Remembered<number>(100);
    for (let index = 0; index < 1_000; index += 1) {
      remembered.set(`key ${index}`, index);
      expect(remembered.get('key 0')).toBe(0); // used all the time
    }
    const kept = Array.from({ length: 1_000 }, (_, index) => index).filter(
      (index) => remembered.get(`key ${index}`) !== undefined,
    );
    expect(kept.length).toBeLessThanOrEqual(100);
    expect(kept).toContain(999);
  });
});
