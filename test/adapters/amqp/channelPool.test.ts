import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  ChannelPool,
  type PooledChannel,
  publishStrategies,
} from '../../../src/adapters/amqp/ChannelPool.ts';
import type { Publication, PublishOutcome } from '../../../src/ports/broker.ts';
import { publication } from '../../contracts/brokerHarness.ts';
import { propertyOptions } from '../../support/properties.ts';

interface Sent {
  readonly publication: Publication;
  readonly settle: (outcome: PublishOutcome) => void;
}

/** A channel whose broker takes messages when it is told to, in the order in which they were sent. */
class SlowChannel implements PooledChannel {
  isOpen = true;
  readonly taken: Publication[];
  private underWay: Sent[] = [];
  private unanswered: Sent[] = [];
  private stray: Publication[] = [];

  constructor(taken: Publication[]) {
    this.taken = taken;
  }

  get pending(): number {
    return this.underWay.length + this.unanswered.length;
  }

  publish(given: Publication): Promise<PublishOutcome> {
    if (!this.isOpen) return Promise.resolve({ kind: 'lost', reason: 'closed' });
    return new Promise((settle) => this.underWay.push({ publication: given, settle }));
  }

  /** The broker takes the next message, or refuses it. */
  take(refuse: boolean): void {
    const sent = this.underWay.shift();
    if (sent === undefined) return;
    if (refuse) sent.settle({ kind: 'nacked' });
    else {
      this.taken.push(sent.publication);
      this.unanswered.push(sent);
    }
  }

  confirm(): void {
    this.unanswered.shift()?.settle({ kind: 'confirmed' });
  }

  /** It dies; what is under way may still reach the broker much later. */
  die(): void {
    this.isOpen = false;
    this.stray.push(...this.underWay.map((sent) => sent.publication));
    const lost = [...this.unanswered, ...this.underWay];
    this.underWay = [];
    this.unanswered = [];
    for (const { settle } of lost) settle({ kind: 'lost', reason: 'the channel died' });
  }

  takeStray(): void {
    this.taken.push(...this.stray.splice(0, 1));
  }

  /** What the caller does with its messages from now on goes well. */
  heal(): void {
    this.isOpen = true;
    while (this.underWay.length > 0) this.take(false);
    while (this.unanswered.length > 0) this.confirm();
  }
}

const channelCount = 3;
const keys = ['a', 'b', 'c', 'd', 'e'];

type Step = {
  readonly what: 'publish' | 'take' | 'refuse' | 'confirm' | 'die' | 'open' | 'stray';
  at: number;
};

const steps = fc.array(
  fc.record<Step>({
    what: fc.oneof(
      { weight: 6, arbitrary: fc.constant('publish' as const) },
      { weight: 6, arbitrary: fc.constantFrom('take' as const, 'confirm' as const) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('refuse' as const, 'die' as const, 'open' as const, 'stray' as const),
      },
    ),
    at: fc.nat({ max: 14 }),
  }),
  { maxLength: 200 },
);

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const apply = (
  { what, at }: Step,
  channels: readonly SlowChannel[],
  publish: (key: string) => void,
): void => {
  const channel = channels[at % channelCount]!;
  if (what === 'publish') publish(keys[at % keys.length]!);
  else if (what === 'take') channel.take(false);
  else if (what === 'refuse') channel.take(true);
  else if (what === 'confirm') channel.confirm();
  else if (what === 'die') channel.die();
  else if (what === 'stray') channel.takeStray();
  else channel.isOpen = true;
};

const scene = (strategy: (typeof publishStrategies)[number]) => {
  const taken: Publication[] = [];
  const channels = Array.from({ length: channelCount }, () => new SlowChannel(taken));
  return { taken, channels, pool: new ChannelPool(channels, strategy) };
};

const numbersOf = (taken: readonly Publication[], key: string): readonly number[] =>
  taken.filter(({ orderingKey }) => orderingKey === key).map(({ payload }) => Number(payload));

describe.each(publishStrategies)('a pool of channels, %s', (strategy) => {
  test('what reaches the broker of a stream comes in the order of the calls, many in flight or not', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (given) => {
        const { taken, channels, pool } = scene(strategy);
        let number = 0;
        for (const step of given.filter(({ what }) => what !== 'stray')) {
          apply(step, channels, (key) => {
            number += 1;
            void pool.publish(publication({ orderingKey: key, payload: String(number) }));
          });
          await Promise.resolve();
        }
        for (const channel of channels) channel.heal();
        for (const key of keys) {
          const numbers = numbersOf(taken, key);
          expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
        }
      }),
      propertyOptions(),
    );
  });

  test('a caller that repeats until the confirm has its stream seen in order, whatever becomes of its tries', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (given) => {
        const { taken, channels, pool } = scene(strategy);
        const waiting = new Map(keys.map((key) => [key, 0]));
        const sendNext = async (key: string, number: number): Promise<void> => {
          let kind: PublishOutcome['kind'];
          do {
            const outcome = await pool.publish(publication({ orderingKey: key, payload: String(number) }));
            ({ kind } = outcome);
            if (kind !== 'confirmed') await turn();
          } while (kind !== 'confirmed');
        };
        const chains = new Map<string, Promise<void>>();
        for (const step of given) {
          apply(step, channels, (key) => {
            const number = waiting.get(key)! + 1;
            waiting.set(key, number);
            chains.set(
              key,
              (chains.get(key) ?? Promise.resolve()).then(() => sendNext(key, number)),
            );
          });
          await turn();
        }
        let done = false;
        const all = Promise.all(chains.values()).then(() => {
          done = true;
        });
        while (!done) {
          for (const channel of channels) channel.heal();
          await turn();
        }
        await all;
        for (const [key, count] of waiting) {
          const firstSightings = [...new Set(numbersOf(taken, key))];
          expect(firstSightings).toEqual(Array.from({ length: count }, (_, index) => index + 1));
        }
      }),
      propertyOptions({ numRuns: 30 }),
    );
  });

  it('uses every channel, and those that are open when one is not', async () => {
    const { taken, channels, pool } = scene(strategy);
    const publishMany = () =>
      Array.from({ length: 30 }, (_, index) => pool.publish(publication({ orderingKey: `stream ${index}` })));
    const first = publishMany();
    expect(channels.every(({ pending }) => pending > 0)).toBe(true);
    for (const channel of channels) channel.heal();
    await Promise.all(first);
    channels[1]!.die();
    expect(pool.isOpen).toBe(true);
    const second = publishMany();
    expect(channels.map(({ pending }) => pending > 0)).toEqual([true, false, true]);
    for (const channel of [channels[0]!, channels[2]!]) channel.heal();
    expect(new Set((await Promise.all(second)).map(({ kind }) => kind))).toEqual(new Set(['confirmed']));
    expect(taken).toHaveLength(60);
  });
});

it('without any open channel a message is lost at once', async () => {
  const { channels, pool } = scene('hash');
  for (const channel of channels) channel.die();
  expect(pool.isOpen).toBe(false);
  expect((await pool.publish(publication())).kind).toBe('lost');
});

it('by hash a stream has one channel while that is open', async () => {
  const { channels, pool } = scene('hash');
  const homes = new Set<number>();
  for (let round = 0; round < 5; round += 1) {
    void pool.publish(publication({ orderingKey: 'always' }));
    homes.add(channels.findIndex(({ pending }) => pending > 0));
    for (const channel of channels) channel.heal();
    await turn();
  }
  expect(homes.size).toBe(1);
});

it('with the fewest in flight, a slow channel gets no more', () => {
  const { channels, pool } = scene('least-pending');
  for (let count = 0; count < 9; count += 1) void pool.publish(publication({ orderingKey: `s${count}` }));
  channels[0]!.heal();
  for (let count = 0; count < 3; count += 1) void pool.publish(publication({ orderingKey: `t${count}` }));
  expect(channels.map(({ pending }) => pending)).toEqual([3, 3, 3]);
});
