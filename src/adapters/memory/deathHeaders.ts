import type { HeaderValue } from '../../ports/broker.ts';

export type DeathReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit';

export interface Death {
  readonly reason: DeathReason;
  readonly queue: string;
  /** Seconds since the epoch, as RabbitMQ has it. */
  readonly time: number;
  /** Where the message had been published to, and under which key. */
  readonly exchange: string;
  readonly routingKey: string;
}

type Headers = Readonly<Record<string, HeaderValue>>;
type Entry = Readonly<Record<string, HeaderValue>>;

/**
 * The headers of a dead letter. One `x-death` entry per queue and reason, the latest first; a repeated death only
 * counts up (https://www.rabbitmq.com/docs/3.13/dlx#effects).
 */
export const withDeath = (headers: Headers, death: Death): Headers => {
  const earlier = deathsOf(headers);
  const same = earlier.find((entry) => entry.queue === death.queue && entry.reason === death.reason);
  const others = earlier.filter((entry) => entry !== same);
  const entry: Entry =
    same === undefined
      ? {
          count: 1,
          exchange: death.exchange,
          queue: death.queue,
          reason: death.reason,
          'routing-keys': [death.routingKey],
          time: death.time,
        }
      : { ...same, count: Number(same.count) + 1 };
  const first: Headers =
    earlier.length > 0
      ? {}
      : {
          'x-first-death-exchange': death.exchange,
          'x-first-death-queue': death.queue,
          'x-first-death-reason': death.reason,
        };
  return { ...headers, ...first, 'x-death': [entry, ...others] };
};

/**
 * Whether a dead letter with these headers would come round to `queue` again without anybody having rejected it on
 * the way. RabbitMQ drops such a message, as it would circle for ever.
 */
export const isAutomaticCycle = (headers: Headers, reason: DeathReason, queue: string): boolean => {
  if (reason === 'rejected') return false;
  const deaths = deathsOf(headers);
  const last = deaths.findIndex((entry) => entry.queue === queue);
  return last >= 0 && deaths.slice(0, last + 1).every((entry) => entry.reason !== 'rejected');
};

const deathsOf = (headers: Headers): readonly Entry[] => {
  const deaths = headers['x-death'];
  return Array.isArray(deaths) ? (deaths as readonly Entry[]) : [];
};
