import type { CommitWatch } from '../../ports/orderService.ts';

/**
 * Tells everybody in this process that something was committed. It carries no data: whoever waits looks at the
 * database. Waiting by count, not by moment, so that a commit between looking and waiting is not missed.
 */
export class CommitSignal implements CommitWatch {
  #count = 0;
  readonly #listeners = new Set<() => void>();

  /** Grows with every commit. */
  get count(): number {
    return this.#count;
  }

  notify(): void {
    this.#count += 1;
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` after every commit, until the returned function is called. */
  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when there was a commit since `count`, after `timeoutMs` (the safety net), or when `abort` fires. */
  changedSince(count: number, timeoutMs: number, abort: AbortSignal): Promise<void> {
    if (this.#count !== count || abort.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#listeners.delete(done);
        abort.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#listeners.add(done);
      abort.addEventListener('abort', done);
    });
  }
}
