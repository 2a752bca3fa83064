/** Lets one piece of work run at a time, in the order of the calls. A failure concerns its own caller only. */
export type TakeTurn = <T>(work: () => Promise<T>) => Promise<T>;

export const createTurns = (): TakeTurn => {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
};
