import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import type { MessageHandler } from '../../src/app/messaging/consume/messageHandler.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { StoreUnavailable, type UnitOfWork } from '../../src/ports/unitOfWork.ts';
import { openConsumerRig, publicationOf } from '../support/consumerRig.ts';
import { eventually } from '../support/eventually.ts';

const outageMs = 300_000;

describe('an attempt', () => {
  let rig: ReturnType<typeof openConsumerRig>;
  beforeEach(() => {
    rig = openConsumerRig();
  });
  afterEach(() => rig.close());

  /** A database that goes away when it is told to, and is back at the next try, five minutes later. */
  const openOutage = () => {
    let goneMs = 0;
    let gone = false;
    const clock = { ...systemClock, now: () => systemClock.now() + goneMs };
    const over = (unitOfWork: UnitOfWork): UnitOfWork => ({
      close: () => unitOfWork.close(),
      transact: async (work) => {
        if (!gone) return unitOfWork.transact(work);
        gone = false;
        goneMs += outageMs;
        throw new StoreUnavailable('gone');
      },
    });
    return {
      clock,
      over,
      begin: () => {
        gone = true;
      },
    };
  };
  const row = () =>
    eventually(async () => {
      const [found] = await rig.waiting();
      expect(found).toBeDefined();
      return found!;
    });

  it('that fails while the database is away is repeated so long after its return', async () => {
    const outage = openOutage();
    const options = { clock: outage.clock, retryPolicy: { delaysMs: [60_000], maxDeaths: 2 } };
    await rig.startConsumer(
      () => {
        outage.begin();
        throw new Error('no luck');
      },
      options,
      (stores) => ({ ...stores, unitOfWork: outage.over(stores.unitOfWork) }),
    );
    await rig.publish(publicationOf('/a', 1));
    const { state, dueAt } = await row();
    expect(state).toBe('retrying');
    expect(dueAt).toBeGreaterThan(systemClock.now() + outageMs + 50_000);
  });

  it('whose start waited for the database may take as long as any other', async () => {
    const outage = openOutage();
    // Some process has died, perhaps of this very message.
    await rig.stores.processes.beat({ id: 'dead', beats: 1 });
    const started = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    await rig.startConsumer(
      () => {},
      {
        clock: outage.clock,
        knowsRedelivered: false,
        handlerTimeoutMs: 30_000,
        handler: {
          consumer: 'notes',
          queue: 'work',
          streams: () => [],
          prepare: () => {
            started.resolve();
            return release.promise;
          },
          handle: () => {},
        },
      },
      (stores) => ({ ...stores, unitOfWork: outage.over(stores.unitOfWork) }),
    );
    outage.begin();
    await rig.publish(publicationOf('/a', 1));
    await started.promise;
    const { state, dueAt } = await row();
    release.resolve();
    expect(state).toBe('started');
    expect(dueAt).toBeGreaterThan(systemClock.now() + outageMs + 50_000);
  });

  const sources = Array.from({ length: 20 }, (_, index) => `/s${index}`);
  const keepDue = () =>
    rig.stores.unitOfWork.transact((tx) =>
      tx.inbox.saveWaiting(
        sources.map((source) => ({
          consumer: 'notes',
          tenant: 'default',
          source,
          sequence: 1,
          messageId: `${source}#1`,
          type: 'orderflow.order.placed.v1',
          state: 'retrying',
          attempts: 1,
          deaths: 0,
          dueAt: 1,
          error: 'no luck',
          firstSeen: 1,
          message: JSON.stringify(publicationOf(source, 1)),
        })),
      ),
    );
  /** What is found due is handed out late: when the promise resolves. */
  const late =
    (until: Promise<unknown>, found: () => void) =>
    (stores: Stores): Stores => ({
      ...stores,
      inbox: {
        ...stores.inbox,
        due: async (...asked) => {
          const rows = await stores.inbox.due(...asked);
          found();
          await until;
          return rows;
        },
      },
    });
  const slowRetries = {
    retryPolicy: { delaysMs: [60_000, 60_000, 60_000, 60_000], maxDeaths: 2 },
    handlerTimeoutMs: 5_000,
  };

  it('of a message that is due is not counted by a process that comes too late for it', async () => {
    await keepDue();
    const failed = Promise.withResolvers<void>();
    let looks = 0;
    const found = (): void => {
      looks += 1;
    };
    let handled = 0;
    const fail = (): void => {
      handled += 1;
      throw new Error('no luck again');
    };
    const slow = await rig.startConsumer(fail, slowRetries, late(failed.promise, found));
    await eventually(() => expect(looks).toBe(1));
    await rig.startConsumer(fail, slowRetries);
    await eventually(async () => expect((await rig.waiting()).every(({ dueAt }) => dueAt > 1)).toBe(true));
    failed.resolve();
    await eventually(() => expect(looks).toBeGreaterThan(1));
    await slow.stop();
    expect(new Set((await rig.waiting()).map(({ attempts }) => attempts))).toEqual(new Set([2]));
    expect(handled).toBe(sources.length);
  });

  const preparing = (
    prepare: NonNullable<MessageHandler['prepare']>,
  ): { readonly handler: MessageHandler } => ({
    handler: { consumer: 'notes', queue: 'work', streams: () => [], prepare, handle: () => {} },
  });

  it('of a message that is due is prepared once, however many processes find it', async () => {
    await keepDue();
    const prepared: string[] = [];
    const options = preparing(async ({ source }) => {
      prepared.push(source);
      await systemClock.sleep(20);
    });
    let looks = 0;
    const both = Promise.withResolvers<void>();
    const meeting = late(both.promise, () => {
      looks += 1;
      if (looks === 2) both.resolve();
    });
    const runners = [
      await rig.startConsumer(() => {}, { ...slowRetries, ...options }, meeting),
      await rig.startConsumer(() => {}, { ...slowRetries, ...options }, meeting),
    ];
    await eventually(async () => expect(await rig.waiting()).toEqual([]));
    for (const runner of runners) await runner.stop();
    expect(prepared.sort()).toEqual(sources.toSorted());
  });

  it('that is repeated and prepared counts as begun, so that a death meanwhile makes it a suspect', async () => {
    await keepDue();
    let begun = 0;
    const release = Promise.withResolvers<void>();
    const options = preparing(() => {
      begun += 1;
      return release.promise;
    });
    await rig.startConsumer(() => {}, { ...slowRetries, ...options });
    await eventually(() => expect(begun).toBe(sources.length));
    const rows = await rig.waiting();
    expect(new Set(rows.map(({ state, deaths }) => `${state}, ${deaths} deaths`))).toEqual(
      new Set(['started, 0 deaths']),
    );
    expect(Math.min(...rows.map(({ dueAt }) => dueAt))).toBeGreaterThan(systemClock.now() + 5_000);
    release.resolve();
  });
});
