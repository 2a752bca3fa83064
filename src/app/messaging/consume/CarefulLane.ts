/** What follows a start, once that is recorded. */
export type Rest<T> = () => Promise<T>;

interface Waiting {
  readonly stream: string;
  readonly alone: boolean;
  /** Never rejects. */
  readonly begin: () => Promise<Rest<void>>;
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
   * Resolves with the outcome of `begin`'s rest. All of a group have begun before the first rest runs; of one stream
   * there is one in a group, so that none is there that waits for another.
   */
  run<T>(stream: string, alone: boolean, begin: () => Promise<Rest<T>>): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle =
        (rest: Rest<T>): Rest<void> =>
        () =>
          rest().then(resolve, reject);
      const failed =
        (error: unknown): Rest<void> =>
        async () =>
          reject(error);
      this.#waiting.push({ stream, alone, begin: () => begin().then(settle, failed) });
      if (!this.#running) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#running = true;
    // What comes in one go goes in one group.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, this.#nextGroup());
      const rests = await Promise.all(group.map(({ begin }) => begin()));
      await Promise.all(rests.map((rest) => rest()));
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
