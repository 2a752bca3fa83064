import { consumeSteadily } from '../support/steadyConsumer.ts';

/**
 * Strangers who take queues of the service, and give every message exactly one effect by the contract's own rule: what
 * is ahead of its turn is held until its predecessors have come.
 */
export interface Audit {
  /** Resolves when all of them consume. */
  readonly begun: Promise<unknown>;
  stop(): Promise<void>;
  /** The last sequence of a source that had its effect, at whichever queue is furthest behind. */
  lastOf(source: string): number;
  /** Messages that had their effect before, and came again. */
  repeated(): number;
  /**
   * Messages that came for the first time, and behind one that follows them: never allowed. One that was in somebody's
   * hands before may come late, when those had later ones already.
   */
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
    const held = new Map<string, Set<number>>();
    const effect = (source: string, sequence: number, redelivered: boolean): void => {
      let done = last.get(source) ?? 0;
      const ahead = held.get(source);
      if (sequence <= done || ahead?.has(sequence)) {
        repeated += 1;
        return;
      }
      if (!redelivered && ahead !== undefined && sequence < Math.max(...ahead))
        outOfOrder.push(`${queue}, ${source}: ${sequence} came behind ${[...ahead].join()}`);
      if (sequence > done + 1) {
        held.set(source, (ahead ?? new Set()).add(sequence));
        return;
      }
      do done += 1;
      while (ahead?.delete(done + 1));
      if (ahead?.size === 0) held.delete(source);
      last.set(source, done);
      silence = Math.max(silence, performance.now() - seenAt);
      seenAt = performance.now();
    };
    const consumer = consumeSteadily({
      urls,
      prefetch: 500,
      declare: async () => queue,
      onMessage: (message, channel) => {
        const { source, sequence } = JSON.parse(message.content.toString()) as Record<string, string>;
        effect(source ?? '', Number(sequence), message.fields.redelivered);
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
