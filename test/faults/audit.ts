import { consumeSteadily, type SteadyConsumer } from '../support/steadyConsumer.ts';

/** A stranger who takes every public event, and gives each exactly one effect by the contract's own rule. */
export interface Audit extends SteadyConsumer {
  /** The last sequence that had its effect, by source. */
  lastOf(source: string): number;
  /** Messages that had their effect before, and came again. */
  repeated(): number;
  /** Messages that came before one they follow: never allowed. */
  outOfOrder(): readonly string[];
  /** The longest time, in ms, without a new event since this was called last. */
  longestSilence(): number;
}

export const auditEvents = (urls: readonly string[], exchange: string): Audit => {
  const last = new Map<string, number>();
  const outOfOrder: string[] = [];
  let repeated = 0;
  let seenAt = performance.now();
  let silence = 0;

  const effect = (source: string, sequence: number): void => {
    const done = last.get(source) ?? 0;
    if (sequence <= done) repeated += 1;
    else if (sequence > done + 1) outOfOrder.push(`${source}: ${sequence} came after ${done}`);
    else {
      last.set(source, sequence);
      silence = Math.max(silence, performance.now() - seenAt);
      seenAt = performance.now();
    }
  };

  const consumer = consumeSteadily({
    urls,
    prefetch: 500,
    declare: async (channel) => {
      await channel.assertExchange(exchange, 'topic', { durable: true });
      const { queue } = await channel.assertQueue('audit', { arguments: { 'x-queue-type': 'quorum' } });
      await channel.bindQueue(queue, exchange, '#');
      return queue;
    },
    onMessage: (message, channel) => {
      const { source, sequence } = JSON.parse(message.content.toString()) as Record<string, string>;
      effect(source ?? '', Number(sequence));
      channel.ack(message);
    },
  });

  return {
    ...consumer,
    lastOf: (source) => last.get(source) ?? 0,
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
