import { consumeSteadily } from '../support/steadyConsumer.ts';

/** Strangers who take queues of the service, and give every message exactly one effect by the contract's own rule. */
export interface Audit {
  /** Resolves when all of them consume. */
  readonly begun: Promise<unknown>;
  stop(): Promise<void>;
  /** The last sequence of a source that had its effect, at whichever queue is furthest behind. */
  lastOf(source: string): number;
  /** Messages that had their effect before, and came again. */
  repeated(): number;
  /** Messages that came before one they follow: never allowed. */
  outOfOrder(): readonly string[];
  /** The longest time, in ms, without a new event since this was called last. */
  longestSilence(): number;
}

export const auditQueues = (urls: readonly string[], queues: readonly string[]): Audit => {
  const outOfOrder: string[] = [];
  let repeated = 0;
  let seenAt = performance.now();
  let silence = 0;

  const audited = queues.map((queue) => {
    const last = new Map<string, number>();
    const effect = (source: string, sequence: number): void => {
      const done = last.get(source) ?? 0;
      if (sequence <= done) repeated += 1;
      else if (sequence > done + 1) outOfOrder.push(`${queue}, ${source}: ${sequence} came after ${done}`);
      else {
        last.set(source, sequence);
        silence = Math.max(silence, performance.now() - seenAt);
        seenAt = performance.now();
      }
    };
    const consumer = consumeSteadily({
      urls,
      prefetch: 500,
      declare: async () => queue,
      onMessage: (message, channel) => {
        const { source, sequence } = JSON.parse(message.content.toString()) as Record<string, string>;
        effect(source ?? '', Number(sequence));
        channel.ack(message);
      },
    });
    return { last, consumer };
  });

  return {
    begun: Promise.all(audited.map(({ consumer }) => consumer.begun)),
    stop: async () => {
      await Promise.all(audited.map(({ consumer }) => consumer.stop()));
    },
    lastOf: (source) => Math.min(...audited.map(({ last }) => last.get(source) ?? 0)),
    repeated: () => repeated,
    outOfOrder: () => outOfOrder,
    longestSilence: () => {
      const longest = Math.max(silence, performance.now() - seenAt);
      silence = 0;
      seenAt = performance.now();
      return longest;
    },
  };
};
