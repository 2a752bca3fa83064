import { describe, expect, it } from 'vitest';
import { createMemoryState } from '../../src/adapters/memory/memoryState.ts';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { DeathWatch } from '../../src/app/messaging/consume/DeathWatch.ts';
import { StoreUnavailable } from '../../src/ports/unitOfWork.ts';
import { VirtualClock } from '../support/virtualClock.ts';

const seconds = 1_000;

/** Processes on one database; those that are killed stand still. */
const openRig = () => {
  const clock = new VirtualClock();
  const state = createMemoryState();
  const start = async (id: string) => {
    const process = { dead: false, away: false };
    const stores = openMemoryStores({
      state,
      pause: async () => {
        if (process.dead) await new Promise(() => undefined);
        if (process.away) throw new StoreUnavailable('away');
      },
    });
    const watch = new DeathWatch({ register: stores.processes, id, clock, logger: silentLogger });
    await watch.start();
    return { watch, process };
  };
  return { clock, state, start, now: () => clock.now() };
};

const mayHaveDied = async (watch: DeathWatch, arrival = watch.mark(), after?: number): Promise<boolean> => {
  await watch.looked(arrival);
  return watch.mayHaveDied(arrival, after);
};

describe('whether a process may have died', () => {
  it('is not so where there never was another one', async () => {
    const { start } = openRig();
    const { watch } = await start('a');
    expect(await mayHaveDied(watch)).toBe(false);
  });

  it('is not so when the others signed off', async () => {
    const { start, clock } = openRig();
    const { watch: first } = await start('a');
    await clock.advance(10 * seconds);
    await first.stop();
    const { watch } = await start('b');
    expect(await mayHaveDied(watch)).toBe(false);
  });

  it('is so when one ended without signing off, as with messages in hand', async () => {
    const { start, clock } = openRig();
    const { watch: first } = await start('a');
    await clock.advance(10 * seconds);
    await first.abandon();
    const { watch } = await start('b');
    expect(await mayHaveDied(watch)).toBe(true);
    await clock.advance(10 * seconds);
    expect(await mayHaveDied(watch)).toBe(true);
  });

  it('is so from the start when one was killed, however shortly before', async () => {
    const { start, clock } = openRig();
    const { process } = await start('a');
    await clock.advance(10 * seconds);
    process.dead = true;
    const { watch } = await start('b');
    expect(await mayHaveDied(watch)).toBe(true);
    await clock.advance(30 * seconds);
    expect(await mayHaveDied(watch)).toBe(true);
  });

  it('is seen of one that signed on and died since the last look', async () => {
    const { start } = openRig();
    const { watch } = await start('a');
    const { process } = await start('b');
    process.dead = true;
    expect(await mayHaveDied(watch)).toBe(true);
  });

  it('is settled for an earlier time as soon as all others have beaten since', async () => {
    const { start, clock } = openRig();
    await start('a');
    const { watch } = await start('b');
    const arrival = watch.mark();
    expect(await mayHaveDied(watch, arrival)).toBe(true);
    await clock.advance(5 * seconds);
    expect(await mayHaveDied(watch, arrival)).toBe(false);
    expect(await mayHaveDied(watch)).toBe(true);
  });

  it('is no question for what did not exist yet when the dead one was last heard of', async () => {
    const { start, now, clock } = openRig();
    const { process } = await start('a');
    process.dead = true;
    const { watch } = await start('b');
    const began = now();
    await clock.advance(20 * seconds);
    expect(await mayHaveDied(watch, watch.mark(), began)).toBe(true);
    expect(await mayHaveDied(watch, watch.mark(), began + 10 * seconds)).toBe(false);
  });

  it('is forgotten when nothing of the dead one turned up for a minute, for all processes to come', async () => {
    const { start, clock, state } = openRig();
    const { process } = await start('a');
    process.dead = true;
    const { watch } = await start('b');
    await clock.advance(50 * seconds);
    expect(await mayHaveDied(watch)).toBe(true);
    await clock.advance(50 * seconds);
    expect([...state.processes.keys()]).toEqual(['a', 'b']);
    await clock.advance(15 * seconds);
    expect([...state.processes.keys()]).toEqual(['b']);
    expect(await mayHaveDied(watch)).toBe(false);
  });

  it('is seen again when one that was taken for dead goes on', async () => {
    const { start, clock, state } = openRig();
    await start('a');
    const { watch } = await start('b');
    const arrival = watch.mark();
    state.processes.delete('a'); // as if a third had given it up
    await clock.advance(7 * seconds);
    expect([...state.processes.keys()].sort()).toEqual(['a', 'b']);
    expect(await mayHaveDied(watch, arrival)).toBe(false);
    expect(await mayHaveDied(watch)).toBe(true);
  });

  it('is not decided by a database that is away for a while', async () => {
    const { start, clock } = openRig();
    const { process } = await start('a');
    const { watch } = await start('b');
    const arrival = watch.mark();
    process.away = true;
    await clock.advance(20 * seconds);
    expect(await mayHaveDied(watch, arrival)).toBe(true);
    process.away = false;
    await clock.advance(7 * seconds);
    expect(await mayHaveDied(watch, arrival)).toBe(false);
  });
});
