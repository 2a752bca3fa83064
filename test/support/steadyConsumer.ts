import { setTimeout as sleep } from 'node:timers/promises';
import { type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';

export interface SteadyConsumer {
  /** Resolves when it consumes for the first time: its queue is there, and bound. */
  readonly begun: Promise<void>;
  stop(): Promise<void>;
}

interface SteadyConsumerOptions {
  readonly urls: readonly string[];
  readonly prefetch: number;
  /** Declares what is needed, and names the queue. */
  readonly declare: (channel: ConfirmChannel) => Promise<string>;
  /** Settles the message; a throw or rejection ends the connection, and the message comes again. */
  readonly onMessage: (message: ConsumeMessage, channel: ConfirmChannel) => void | Promise<void>;
}

/**
 * A stranger's consumer on plain amqplib that comes back whenever its connection or channel ends, on the next node of
 * the list: to watch the service through a broker's failures without its own code.
 */
export const consumeSteadily = (options: SteadyConsumerOptions): SteadyConsumer => {
  const stopping = new AbortController();
  let current: ChannelModel | null = null;
  let next = 0;
  const begun = Promise.withResolvers<void>();

  const session = async (): Promise<void> => {
    const url = options.urls[next % options.urls.length] ?? '';
    next += 1;
    const connection = await connect(`${url}?heartbeat=4`, { noDelay: true, timeout: 4_000 });
    current = connection;
    const ended = new Promise<void>((resolve) => {
      connection.on('error', () => undefined);
      connection.on('close', () => resolve());
    });
    const end = (): void => void connection.close().catch(() => undefined);
    const begin = async (): Promise<void> => {
      const channel = await connection.createConfirmChannel();
      channel.on('error', () => undefined);
      channel.on('close', end);
      const queue = await options.declare(channel);
      await channel.prefetch(options.prefetch);
      await channel.consume(queue, (message) => {
        if (message === null) end();
        else void Promise.resolve(options.onMessage(message, channel)).catch(end);
      });
      begun.resolve();
    };
    begin().catch(end);
    await ended;
  };

  const running = (async () => {
    while (!stopping.signal.aborted) {
      // Whatever ended it: the next node is tried.
      await session().catch(() => undefined);
      await sleep(200, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();

  return {
    begun: begun.promise,
    stop: async () => {
      stopping.abort();
      const closed = current === null ? undefined : current.close().catch(() => undefined);
      // Closing never ends on a node that is frozen.
      await Promise.race([Promise.all([closed, running]), sleep(3_000)]);
    },
  };
};
