import { setTimeout as sleep } from 'node:timers/promises';
import { type Context, contexts } from '../../../src/app/config.ts';
import type { ChoreographyWorld } from './choreographyWorld.ts';

export interface Killing {
  readonly seconds: number;
  /** From one kill to the next, on average. */
  readonly killEveryMs: number;
  /** How long a killed process stays away, at most. */
  readonly downMs: number;
}

/** About as long as a consumer has a message in hand: who dies within it has some that were not acknowledged. */
const handlingMs = 15;

/** Each context in turn, in an order that changes from round to round, so that none is spared; returns how often each. */
export const killAtRandom = async (
  { shop, news }: Pick<ChoreographyWorld, 'shop' | 'news'>,
  random: () => number,
  { seconds, killEveryMs, downMs }: Killing,
): Promise<ReadonlyMap<Context, number>> => {
  const kills = new Map<Context, number>();
  const until = performance.now() + seconds * 1_000;
  let round: Context[] = [];
  // No wait for anything: the moments of death are random, and the load has its time.
  const pause = (): Promise<void> =>
    sleep(Math.min(random() * 2 * killEveryMs, Math.max(0, until - performance.now())));
  for (await pause(); performance.now() < until; await pause()) {
    if (round.length === 0) round = shuffled(contexts, random);
    const context = round.pop() as Context;
    await Promise.race([news.next(), sleep(killEveryMs)]);
    await sleep(random() * handlingMs);
    await shop.kill(context, random() * downMs);
    kills.set(context, (kills.get(context) ?? 0) + 1);
  }
  return kills;
};

const shuffled = <T>(all: readonly T[], random: () => number): T[] =>
  all
    .map((one) => [random(), one] as const)
    .sort(([one], [other]) => one - other)
    .map(([, one]) => one);
