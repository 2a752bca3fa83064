import { describe, expect, test } from 'vitest';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { PublishedWaiters } from '../../src/app/messaging/publishedWaiters.ts';
import { StoreUnavailable } from '../../src/ports/unitOfWork.ts';
import { recordingLogger } from '../support/recordingLogger.ts';
import { commit, messages, watchOutbox } from '../support/relayRig.ts';
import { turns, VirtualClock } from '../support/virtualClock.ts';

const openRig = async (more: { readonly maxWaiters?: number } = {}) => {
  const clock = new VirtualClock();
  const stores = openMemoryStores();
  const watched = watchOutbox(stores.outbox);
  const logger = recordingLogger();
  const waiters = new PublishedWaiters({ outbox: watched.outbox, clock, logger, ...more });
  await commit(stores, messages('a', 3));
  const answers: boolean[] = [];
  return {
    clock,
    waiters,
    watched,
    logger,
    answers,
    wait: (sequence: number, timeoutMs = 5_000) => {
      void waiters.waitFor('default', 'a', sequence, timeoutMs).then((answer) => answers.push(answer));
    },
    /** Marks the first messages of the source, as a relay of another process does. */
    publish: async (count: number) => {
      const { held } = await stores.leases.renew('elsewhere', clock.now(), 1_000);
      await stores.outbox.markPublished([1, 2, 3].slice(0, count), clock.now(), 'elsewhere', held);
    },
  };
};

describe('waiting for a message to be published', () => {
  test('ends at once when the relay of this process marks it, or a later one', async () => {
    const { clock, waiters, answers, wait } = await openRig();
    wait(1);
    wait(2);
    wait(3);
    await turns();
    const began = clock.now();
    waiters.onPublished('default', 'a', 2);
    await turns();
    expect(answers).toEqual([true, true]);
    waiters.onPublished('other', 'a', 3);
    waiters.onPublished('default', 'b', 3);
    await turns();
    expect(answers).toHaveLength(2);
    expect(clock.now()).toBe(began);
  });

  test('ends within 100 ms when a relay of another process does', async () => {
    const { clock, answers, wait, publish } = await openRig();
    wait(2);
    await clock.advance(500);
    await publish(1);
    await clock.advance(500);
    expect(answers).toEqual([]);
    await publish(2);
    await clock.advance(100);
    expect(answers).toEqual([true]);
  });

  test('ends at once when it was published before', async () => {
    const { answers, wait, publish } = await openRig();
    await publish(3);
    wait(3);
    await turns();
    expect(answers).toEqual([true]);
  });

  test('costs one question for all that begin in one turn of the event loop, and none where all have ended', async () => {
    const { answers, waiters, watched, wait, publish } = await openRig();
    await publish(2);
    for (const sequence of [1, 2, 3]) wait(sequence);
    await turns();
    expect(answers).toEqual([true, true]);
    expect(watched.count('findPublished')).toBe(1);
    wait(2);
    await turns();
    expect(answers).toHaveLength(3);
    expect(watched.count('findPublished')).toBe(2);
    wait(3);
    waiters.onPublished('default', 'a', 3);
    await turns();
    expect(watched.count('findPublished')).toBe(2);
  });

  test('costs one question a round, however many wait', async () => {
    const { clock, answers, watched, wait, publish } = await openRig();
    for (let count = 0; count < 100; count += 1) wait(3);
    await turns();
    const asked = watched.count('findPublished');
    await clock.advance(300);
    expect(watched.count('findPublished')).toBe(asked + 3);
    await publish(3);
    await clock.advance(100);
    expect(answers).toHaveLength(100);
    expect(watched.count('findPublished')).toBe(asked + 4);
  });

  test('ends with false after its time, and leaves nothing behind', async () => {
    const { clock, answers, watched, wait } = await openRig();
    wait(1, 250);
    await clock.advance(249);
    expect(answers).toEqual([]);
    await clock.advance(1);
    expect(answers).toEqual([false]);
    const asked = watched.count('findPublished');
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(10_000);
    expect(watched.count('findPublished')).toBe(asked);
  });

  test('leaves no timer behind when it ends well', async () => {
    const { clock, waiters, wait } = await openRig();
    for (let round = 0; round < 3; round += 1) {
      wait(1);
      waiters.onPublished('default', 'a', 1);
    }
    await turns();
    expect(clock.pendingTimers).toBe(0);
    wait(2);
    await turns();
    expect(clock.pendingTimers).toBe(2);
  });

  test('is refused at once when too many wait already', async () => {
    const { answers, wait } = await openRig({ maxWaiters: 2 });
    for (let count = 0; count < 3; count += 1) wait(1);
    await turns();
    expect(answers).toEqual([false]);
  });

  test('survives a database that does not answer for a while, which is logged once', async () => {
    const { clock, answers, watched, logger, wait, publish } = await openRig();
    watched.control.fail = new StoreUnavailable('gone');
    wait(1);
    await clock.advance(1_000);
    expect(logger.entries).toHaveLength(1);
    watched.control.fail = null;
    await publish(1);
    await clock.advance(100);
    expect(answers).toEqual([true]);
  });
});
