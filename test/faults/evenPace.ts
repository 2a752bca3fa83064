/** Starts pieces of work at an even pace, however long they take. */
export interface EvenPace {
  go(): void;
  /** Starts no more. */
  stop(): void;
  /** Starts no more, and resolves when all that was started has ended. */
  pause(): Promise<void>;
}

const tickMs = 10;

export const evenPace = ({
  perSecond,
  mostUnderWay,
  start,
}: {
  readonly perSecond: number;
  /** More are not under way at a time; the pace is missed then. */
  readonly mostUnderWay: number;
  readonly start: () => Promise<void>;
}): EvenPace => {
  const underWay = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => clearInterval(timer);
  const go = (): void => {
    let owed = 0;
    let last = performance.now();
    timer = setInterval(() => {
      const now = performance.now();
      // What was missed is not made up for: a burst would be another load.
      owed = Math.min(owed + ((now - last) * perSecond) / 1000, perSecond / 10);
      last = now;
      for (; owed >= 1 && underWay.size < mostUnderWay; owed -= 1) {
        const work = start().finally(() => underWay.delete(work));
        underWay.add(work);
      }
    }, tickMs);
  };
  return {
    go,
    stop,
    pause: async () => {
      stop();
      await Promise.all(underWay);
    },
  };
};
