import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
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
});
