/**
 * Risky work, one at a time in the whole process, whichever consumer it belongs to: when the process dies of it, there
 * is only one that it can have been.
 */
export class CarefulLane {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
