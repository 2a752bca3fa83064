import type { Verdict } from './messageWork.ts';

/** What follows a start, once that is recorded. */
export type Rest = () => Promise<Verdict>;

interface Waiting extends Pick<PromiseWithResolvers<Verdict>, 'resolve' | 'reject'> {
  readonly stream: string;
  readonly alone: boolean;
  readonly begin: () => Promise<Rest>;
}

/** Each member of a group costs a fraction of two commits; after a death all of it goes one at a time. */
const groupSize = 25;

/**
 * Risky work of a whole process, whichever consumer it belongs to: in small groups, and alone where it is known to have
 * been in hand when a process died. When the process dies, it died of a message of the one group under way, each of which
 * has its start recorded.
 */
export class CarefulLane {
  readonly #waiting: Waiting[] = [];
  #running = false;

  /**
   * Settles as `begin`, or the rest that it returns. All of a group have begun before the first rest runs; of one stream
   * there is one in a group, so that none is there that waits for another.
   */
  run(stream: string, alone: boolean, begin: () => Promise<Rest>): Promise<Verdict> {
    const { promise, resolve, reject } = Promise.withResolvers<Verdict>();
    this.#waiting.push({ stream, alone, begin, resolve, reject });
    if (!this.#running) void this.#drain();
    return promise;
  }

  async #drain(): Promise<void> {
    this.#running = true;
    // What comes in one go goes in one group.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, this.#nextGroup());
      const begun = await Promise.allSettled(group.map(({ begin }) => begin()));
      await Promise.all(
        begun.map((start, index) => {
          const { resolve, reject } = group[index]!;
          return start.status === 'fulfilled' ? start.value().then(resolve, reject) : reject(start.reason);
        }),
      );
    }
    this.#running = false;
  }

  /** How many of those that wait make the next group. */
  #nextGroup(): number {
    const streams = new Set<string>();
    const end = this.#waiting.findIndex(({ stream, alone }) => {
      if (alone || streams.has(stream) || streams.size === groupSize) return true;
      streams.add(stream);
      return false;
    });
    return end === -1 ? this.#waiting.length : Math.max(1, end);
  }
}
