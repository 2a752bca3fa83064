import { describe, expect, it } from 'vitest';
import { ParkedCallbacks } from '../../src/app/callbacks/ParkedCallbacks.ts';
import type { CallbackRow } from '../../src/ports/callbacks.ts';
import { StoreUnavailable } from '../../src/ports/unitOfWork.ts';
import { recordingLogger } from '../support/recordingLogger.ts';
import { VirtualClock } from '../support/virtualClock.ts';

const rowOf = (id: string): CallbackRow => ({
  tenant: 'default',
  provider: 'acme',
  callbackId: id,
  id,
  state: 'parked',
  stream: `orders/${id}`,
  fact: '{}',
  error: null,
  receivedAt: 0,
  appliedAt: null,
  correlationId: 'c',
  traceparent: null,
  body: '',
});

/** Rows that are ready, and a pipeline that refuses some of them. */
const openRig = () => {
  const clock = new VirtualClock();
  const logger = recordingLogger();
  const ready = new Map<string, CallbackRow>();
  const errors = new Map<string, Error>();
  const tried: string[] = [];
  const parked = new ParkedCallbacks({
    callbacks: {
      ready: async (after, limit) => [...ready.values()].filter(({ id }) => id > after).slice(0, limit),
    },
    pipeline: {
      submit: async ({ streams }) => {
        const id = streams[0]!.slice('orders/'.length);
        tried.push(id);
        const error = errors.get(id);
        if (error !== undefined) throw error;
        ready.delete(id);
        return undefined as never;
      },
    },
    clock,
    logger,
    ids: { next: () => 'id' },
  });
  /** An order appears, and whoever commits it rings. */
  const park = (id: string): void => {
    ready.set(id, rowOf(id));
    parked.wake();
  };
  const stop = async (): Promise<void> => {
    const stopped = parked.stop();
    await clock.advance(1_000);
    await stopped;
  };
  return { clock, logger, parked, ready, errors, tried, park, stop };
};

describe('parked callbacks', () => {
  it('are applied at once after a commit, whatever fails beside them', async () => {
    const { clock, parked, ready, errors, park, stop } = openRig();
    errors.set('bad', new Error('this one is broken'));
    parked.start();
    park('bad');
    await clock.advance(120_000);
    for (let turn = 0; turn < 20; turn += 1) {
      park(`good-${turn}`);
      await clock.advance(250);
      expect([...ready.keys()]).toEqual(['bad']);
    }
    await stop();
  });

  it('that fail are tried again, each less and less often, until they can be applied', async () => {
    const { clock, logger, parked, ready, errors, tried, park, stop } = openRig();
    errors.set('bad', new Error('this one is broken'));
    parked.start();
    park('bad');
    for (let second = 0; second < 600; second += 1) {
      park(`good-${second}`);
      await clock.advance(1_000);
    }
    const attempts = tried.filter((id) => id === 'bad').length;
    expect(attempts).toBeGreaterThan(10);
    expect(attempts).toBeLessThan(20);
    expect(logger.entries).toHaveLength(attempts);
    errors.clear();
    await clock.advance(80_000);
    expect([...ready.keys()]).toEqual([]);
    await stop();
  });

  it('wait for a database that is away, all of them, and nobody is at fault', async () => {
    const { clock, logger, parked, ready, errors, park, stop } = openRig();
    for (const id of ['a', 'b', 'c']) errors.set(id, new StoreUnavailable('away'));
    parked.start();
    for (const id of ['a', 'b', 'c']) park(id);
    await clock.advance(60_000);
    expect(new Set(logger.entries.map(({ message }) => message))).toEqual(
      new Set(['parked callbacks cannot be applied now; trying again']),
    );
    errors.clear();
    await clock.advance(11_000);
    expect([...ready.keys()]).toEqual([]);
    await stop();
  });
});
