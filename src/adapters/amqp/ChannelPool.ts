import { crc32 } from 'node:zlib';
import type { Publication, PublishOutcome } from '../../ports/broker.ts';

/**
 * Where a stream with nothing in flight goes. `hash`: always to the same channel while that is open. `round-robin`:
 * to the next one. `least-pending`: to the one with the fewest publications in flight.
 */
export const publishStrategies = ['hash', 'round-robin', 'least-pending'] as const;
export type PublishStrategy = (typeof publishStrategies)[number];

/** A channel as the pool sees it. */
export interface PooledChannel {
  readonly isOpen: boolean;
  /** Publications in flight. */
  readonly pending: number;
  publish(publication: Publication): Promise<PublishOutcome>;
}

interface Flight {
  readonly channel: PooledChannel;
  count: number;
}

type Choose = (channels: readonly PooledChannel[], key: string) => PooledChannel | undefined;

/**
 * Spreads publications over channels and keeps the order of each stream, whatever the strategy: a stream stays on its
 * channel for as long as anything of it is in flight there, because the broker keeps the order of one channel only.
 */
export class ChannelPool {
  readonly channels: readonly PooledChannel[];
  private readonly choose: Choose;
  private readonly flights = new Map<string, Flight>();

  constructor(channels: readonly PooledChannel[], strategy: PublishStrategy) {
    this.channels = channels;
    this.choose = chooserOf[strategy]();
  }

  get isOpen(): boolean {
    return this.channels.some((channel) => channel.isOpen);
  }

  publish(publication: Publication): Promise<PublishOutcome> {
    const [only, another] = this.channels;
    if (only !== undefined && another === undefined) return only.publish(publication);
    const key = publication.orderingKey ?? publication.id;
    const flight = this.flights.get(key) ?? this.begin(key);
    if (flight === undefined) return Promise.resolve(lostWithoutChannel);
    flight.count += 1;
    return flight.channel.publish(publication).then((outcome) => {
      flight.count -= 1;
      if (flight.count === 0) this.flights.delete(key);
      return outcome;
    });
  }

  private begin(key: string): Flight | undefined {
    const channel = this.choose(this.channels, key);
    if (channel === undefined) return undefined;
    const flight = { channel, count: 0 };
    this.flights.set(key, flight);
    return flight;
  }
}

const lostWithoutChannel: PublishOutcome = { kind: 'lost', reason: 'no channel is open' };

/** The first open one from `start` on, around the circle. */
const openFrom = (channels: readonly PooledChannel[], start: number): PooledChannel | undefined => {
  for (let step = 0; step < channels.length; step += 1) {
    const channel = channels[(start + step) % channels.length];
    if (channel?.isOpen) return channel;
  }
  return undefined;
};

const chooserOf: Readonly<Record<PublishStrategy, () => Choose>> = {
  hash: () => (channels, key) => openFrom(channels, crc32(key) % channels.length),
  'round-robin': () => {
    let turn = 0;
    return (channels) => openFrom(channels, turn++ % channels.length);
  },
  'least-pending': () => (channels) => {
    let best: PooledChannel | undefined;
    for (const channel of channels) {
      if (channel.isOpen && (best === undefined || channel.pending < best.pending)) best = channel;
    }
    return best;
  },
};
