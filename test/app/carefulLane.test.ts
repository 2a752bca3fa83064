import { describe, expect, it } from 'vitest';
import { CarefulLane } from '../../src/app/messaging/consume/CarefulLane.ts';

/** Runs these together; returns which had begun by the time that each one's rest ran. */
const begunBeforeRests = async (works: readonly { readonly stream: string; readonly alone?: boolean }[]) => {
  const lane = new CarefulLane();
  let begun = 0;
  const seen: number[] = [];
  await Promise.all(
    works.map(({ stream, alone = false }, index) =>
      lane.run(stream, alone, async () => {
        begun += 1;
        return async () => {
          seen[index] = begun;
          return { kind: 'duplicate' };
        };
      }),
    ),
  );
  return seen;
};

describe('the careful lane', () => {
  it('takes what waits in groups of 25, all of which begin first', async () => {
    const works = Array.from({ length: 60 }, (_, index) => ({ stream: `/s${index}` }));
    expect(new Set(await begunBeforeRests(works))).toEqual(new Set([25, 50, 60]));
  });

  it('has one message of a stream in a group: the next would be freed by it, and go without its own start', async () => {
    const works = ['/a', '/b', '/a', '/c'].map((stream) => ({ stream }));
    expect(await begunBeforeRests(works)).toEqual([2, 2, 4, 4]);
  });

  it('has alone what was in hand when a process died', async () => {
    const works = [
      { stream: '/a' },
      { stream: '/b', alone: true },
      { stream: '/c', alone: true },
      { stream: '/d' },
    ];
    expect(await begunBeforeRests(works)).toEqual([1, 2, 3, 4]);
  });

  it('goes on after one that could not begin, which rejects by itself', async () => {
    const lane = new CarefulLane();
    const failed = lane.run('/a', false, () => Promise.reject(new Error('stopped')));
    const other = lane.run('/b', false, async () => async () => ({ kind: 'dead' }));
    await expect(failed).rejects.toThrow('stopped');
    expect(await other).toEqual({ kind: 'dead' });
  });
});
