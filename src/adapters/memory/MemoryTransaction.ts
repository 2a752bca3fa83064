import { TransactionConflict } from '../../ports/unitOfWork.ts';
import type { MemoryState } from './memoryState.ts';

/** Stands before every step that another process could come in between; a test may delay or fail it there. */
export type Pause = (label: string) => Promise<void>;

/**
 * One optimistic transaction: it reads what is committed at that moment, remembers what it relied on, and stages
 * its writes. At commit everything relied on must still hold; then all writes happen in one step, or none.
 */
export class MemoryTransaction {
  readonly state: MemoryState;
  readonly #pause: Pause;
  readonly #reliances: (() => boolean)[] = [];
  readonly #writes: (() => void)[] = [];
  #failure: { readonly reason: unknown } | undefined;
  #over = false;

  constructor(state: MemoryState, pause: Pause) {
    this.state = state;
    this.#pause = pause;
  }

  /** A step of the work: others may run before it, none during it. */
  async step<T>(label: string, action: () => T): Promise<T> {
    this.#refuseWhenOver();
    await this.#pause(label);
    this.#refuseWhenOver();
    return action();
  }

  /** The commit is refused unless `holds` is still true then. */
  rely(holds: () => boolean): void {
    this.#reliances.push(holds);
  }

  write(action: () => void): void {
    this.#writes.push(action);
  }

  /** Makes the transaction fail, also when the work swallows the error; to be thrown by the caller. */
  conflict(message: string): TransactionConflict {
    const reason = new TransactionConflict(message);
    this.#failure ??= { reason };
    return reason;
  }

  end(): void {
    this.#over = true;
  }

  commit(): void {
    if (this.#failure !== undefined) throw this.#failure.reason;
    if (!this.#reliances.every((holds) => holds())) throw new TransactionConflict();
    for (const write of this.#writes) write();
  }

  #refuseWhenOver(): void {
    if (this.#over)
      throw new Error('the transaction is over: a store was used after its unit of work had settled');
  }
}
