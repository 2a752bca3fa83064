import {
  type CallbackKey,
  type CallbackRow,
  type CallbackState,
  callbackKeyText,
} from '../../ports/callbacks.ts';
import type { Transaction } from '../../ports/unitOfWork.ts';
import type { Participant } from '../commands/work.ts';

/** One batch's memory of its callbacks: which are known already, and what the works have made of the others. */
export class CallbackBook {
  readonly #states: Map<string, CallbackState>;
  readonly #saved = new Map<string, CallbackRow>();

  constructor(states: Map<string, CallbackState>) {
    this.#states = states;
  }

  /** What became of this callback before; undefined when it is new. */
  stateOf(key: CallbackKey): CallbackState | undefined {
    return this.#states.get(callbackKeyText(key));
  }

  save(row: CallbackRow): void {
    const key = callbackKeyText(row);
    this.#states.set(key, row.state);
    this.#saved.set(key, row);
  }

  async write(tx: Transaction): Promise<void> {
    if (this.#saved.size > 0) await tx.callbacks.save([...this.#saved.values()]);
  }
}

/** Puts the inbox of callbacks into the transactions of their effects. */
export const callbackKeeper: Participant<CallbackKey, CallbackBook> = {
  begin: async (tx, keys) => {
    const known = await tx.callbacks.find(keys);
    return new CallbackBook(new Map(known.map((row) => [callbackKeyText(row), row.state])));
  },
  end: (tx, book) => book.write(tx),
};
