import fc from 'fast-check';
import { expect, test } from 'vitest';
import { propertyOptions } from '../support/properties.ts';
import { randomFrom } from '../support/randomFrom.ts';
import { type RelayProcess, RelayWorld, type WorldEvents } from '../support/relayWorld.ts';

const leaseTtlMs = 3_000;

interface Action {
  /** Shown with a counterexample. */
  readonly toString: () => string;
  readonly perform: (world: RelayWorld) => void | Promise<void>;
}

const action = (name: string, perform: Action['perform']): Action => ({ toString: () => name, perform });

const source = fc.nat({ max: 4 }).map((number) => `s${number}`);

const commit = fc
  .tuple(source, fc.integer({ min: 1, max: 25 }), fc.constantFrom(0, 0, 0, 300))
  .map(([name, count, delayMs]) =>
    action(`commit ${count} of ${name} for in ${delayMs} ms`, (world) => world.commit(name, count, delayMs)),
  );

const commitImpossible = source.map((name) =>
  action(`commit one of ${name} that no broker takes`, (world) => world.commitImpossible(name)),
);

const rollBack = source.map((name) => action(`roll back ${name}`, (world) => world.rollBack(name)));

const run = fc
  .integer({ min: 1, max: 60 })
  .map((steps) => action(`run ${steps} steps`, (world) => world.run(steps)));

const pass = fc
  .constantFrom(100, 1_000, 5_000)
  .map((ms) => action(`pass ${ms} ms`, (world) => world.pass(ms)));

const start = fc.constant(
  action('start', (world) => {
    if (world.living.length < 3) world.start(leaseTtlMs);
  }),
);

const retryAll = fc.constant(
  action('retry all', async (world) => {
    await world.stores.unitOfWork.transact((tx) => tx.outbox.retryAll());
  }),
);

const dropQueue = fc.constant(action('drop the queue', (world) => world.server.deleteQueue('watch')));

/** Something that happens to one of the relays that live. */
const to = (name: string, happen: (process: RelayProcess, count: number) => void): fc.Arbitrary<Action> =>
  fc.tuple(fc.nat({ max: 2 }), fc.integer({ min: 1, max: 6 })).map(([which, count]) =>
    action(`${name} ${which} (${count})`, (world) => {
      const process = world.living[which % Math.max(1, world.living.length)];
      if (process !== undefined) happen(process, count);
    }),
  );

/** What no relay should answer with a duplicate. */
const harmless = [
  { weight: 8, arbitrary: run },
  { weight: 5, arbitrary: commit },
  { weight: 1, arbitrary: commitImpossible },
  { weight: 1, arbitrary: rollBack },
  { weight: 1, arbitrary: retryAll },
  { weight: 1, arbitrary: dropQueue },
  { weight: 2, arbitrary: to('nack', ({ broker }, count) => broker.faults.nackNext(count)) },
  { weight: 1, arbitrary: to('hold confirms', ({ broker }) => broker.faults.holdConfirms()) },
  {
    weight: 1,
    arbitrary: to('release confirms, last first', ({ broker }) =>
      broker.faults.releaseConfirms((remaining) => remaining - 1),
    ),
  },
  { weight: 1, arbitrary: to('rescan', ({ relay }) => relay.rescan()) },
  {
    weight: 1,
    arbitrary: to('fail stores', (process, count) => process.failStores(count > 3 ? 0 : count / 3)),
  },
];

const harmful = [
  { weight: 2, arbitrary: pass },
  { weight: 1, arbitrary: start },
  { weight: 2, arbitrary: to('lose confirms', ({ broker }, count) => broker.faults.dropNextConfirms(count)) },
  { weight: 1, arbitrary: to('slow confirms', ({ broker }) => broker.faults.delayConfirms(700)) },
  { weight: 1, arbitrary: to('disconnect', ({ broker }) => broker.disconnect()) },
  { weight: 1, arbitrary: to('reconnect', ({ broker }) => broker.reconnect()) },
  { weight: 1, arbitrary: to('block', ({ broker }) => broker.block()) },
  { weight: 1, arbitrary: to('unblock', ({ broker }) => broker.unblock()) },
  { weight: 1, arbitrary: to('kill', (process) => process.kill()) },
  { weight: 1, arbitrary: to('freeze', (process) => process.freeze()) },
  { weight: 1, arbitrary: to('thaw', (process) => process.thaw()) },
  {
    weight: 1,
    arbitrary: to('stop', (process) => {
      void process.relay.stop({ deadlineMs: 2_000 }).then(() => process.kill());
    }),
  },
];

/** Ends every fault. */
const heal = (world: RelayWorld): void => {
  world.server.declare(world.topology);
  for (const process of world.living) {
    process.thaw();
    process.failStores(0);
    process.broker.faults.delayConfirms(0);
    process.broker.faults.releaseConfirms();
    process.broker.unblock();
    process.broker.reconnect();
  }
};

const nothingPending = async (world: RelayWorld): Promise<boolean> =>
  (await world.stores.outbox.stats(world.clock.now())).pending === 0 &&
  (await world.stores.outbox.nextDueAt(world.clock.now())) === null;

/** Per source, the sequences in the order in which a consumer sees each for the first time; and all the others. */
const sightings = (world: RelayWorld) => {
  const first: Record<string, number[]> = {};
  let duplicates = 0;
  for (const { payload } of world.arrived) {
    const { source: name, sequence } = JSON.parse(payload) as { source: string; sequence: number };
    first[name] ??= [];
    if (first[name].includes(sequence)) duplicates += 1;
    else first[name].push(sequence);
  }
  return { first, duplicates };
};

/** Everything committed, in order, as far as nothing is in its way for ever. */
const promised = (world: RelayWorld): Record<string, readonly number[]> => {
  const all = [...world.committed].map(([name, last]): [string, number[]] => {
    const end = world.impossible.get(name) ?? last + 1;
    return [name, Array.from({ length: end - 1 }, (_, index) => index + 1)];
  });
  return Object.fromEntries(all.filter(([, sequences]) => sequences.length > 0));
};

const addTo = (sum: Record<string, number>, more: WorldEvents & { duplicates?: number }): void => {
  for (const [what, times] of Object.entries(more)) sum[what] = (sum[what] ?? 0) + times;
};

const expectEach = (seen: Record<string, number>, names: readonly string[]): void => {
  console.info(`seen in all runs: ${JSON.stringify(seen)}`);
  for (const name of names) expect(seen[name], name).toBeGreaterThan(0);
};

test('whatever fails, every source is first seen as 1, 2, 3, … and everything committed is published', async () => {
  const seen: Record<string, number> = {};
  const property = fc.asyncProperty(
    fc.array(fc.oneof(...harmless, ...harmful), { minLength: 5, maxLength: 60, size: 'max' }),
    fc.integer(),
    async (actions, seed) => {
      const world = new RelayWorld(randomFrom(seed));
      world.start(leaseTtlMs);
      world.start(leaseTtlMs);
      for (const { perform } of actions) await perform(world);
      heal(world);
      world.start(leaseTtlMs);
      await world.until(() => nothingPending(world));
      const { first, duplicates } = sightings(world);
      expect(first).toEqual(promised(world));
      addTo(seen, { ...world.seen, duplicates });
    },
  );
  await fc.assert(property, propertyOptions({ numRuns: 400 }));
  expectEach(seen, [
    'nacks',
    'losses',
    'returns',
    'unpublishable',
    'kills',
    'lateWakings',
    'takeovers',
    'failedCalls',
    'duplicates',
  ]);
}, 300_000);

test('as long as no confirm is lost and its relay lives, a message is sent exactly once', async () => {
  const seen: Record<string, number> = {};
  const property = fc.asyncProperty(
    fc.array(fc.oneof(...harmless), { minLength: 5, maxLength: 60, size: 'max' }),
    fc.integer(),
    async (actions, seed) => {
      const world = new RelayWorld(randomFrom(seed), { confirmTimeoutMs: 1e9 });
      world.start(1e9);
      for (const { perform } of actions) await perform(world);
      heal(world);
      await world.until(() => nothingPending(world));
      const { first, duplicates } = sightings(world);
      expect(first).toEqual(promised(world));
      expect(duplicates).toBe(0);
      addTo(seen, world.seen);
    },
  );
  await fc.assert(property, propertyOptions({ numRuns: 400 }));
  expectEach(seen, ['nacks', 'returns', 'unpublishable', 'failedCalls']);
}, 300_000);
