import type { GateState } from '../../ports/inbox.ts';
import type { Session } from './dialect.ts';

/** About 200 bytes each. */
const defaultCapacity = 32_768;

/** Entries are changed in place: finding one again among thousands costs more than all that is done with it. */
export interface KnownStream {
  /** 0 when there is no such stream. */
  version: number;
}

export type KnownGate = { -readonly [Member in keyof GateState]: GateState[Member] };

/**
 * What the writing connection has read or written: it still holds in its later transactions for as long as nobody
 * else has committed and none of its own has failed.
 */
export class WriterMemory {
  /** By `streamKeyText`. */
  readonly streams: Remembered<KnownStream>;
  /** By `gateKeyText`. */
  readonly gates: Remembered<KnownGate>;
  /** Of the last event. */
  lastPosition: number | undefined;
  readonly #commitsOfOthers: string | undefined;
  #counter: number | undefined;
  #fresh: Promise<void> | undefined;

  /** `commitsOfOthers`: as in `SqlDialect`. */
  constructor(commitsOfOthers: string | undefined, capacity = defaultCapacity) {
    this.#commitsOfOthers = commitsOfOthers;
    this.streams = new Remembered(capacity);
    this.gates = new Remembered(capacity);
  }

  /** A transaction has begun. */
  begin(): void {
    this.#fresh = undefined;
  }

  /** To be awaited in a transaction before anything is looked up: forgets what others may have changed. */
  fresh(session: Session): Promise<void> {
    this.#fresh ??= this.#forgetIfOld(session);
    return this.#fresh;
  }

  /** To be called when anything was rolled back. */
  forget(): void {
    this.streams.clear();
    this.gates.clear();
    this.lastPosition = undefined;
    this.#counter = undefined;
  }

  async #forgetIfOld(session: Session): Promise<void> {
    const query = this.#commitsOfOthers;
    const counter = query === undefined ? undefined : await askFor(session, query);
    if (counter !== undefined && counter === this.#counter) return;
    this.forget();
    this.#counter = counter;
  }
}

const askFor = async (session: Session, query: string): Promise<number | undefined> => {
  const [row] = await session.query<{ readonly counter: number }>(query);
  return row?.counter;
};

/**
 * A map that lets go of what was not used for long: of about half of it at once, when it is full. One by one would cost more
 * than looking up anew, as a `Map` finds its oldest entry only behind all that were deleted.
 */
export class Remembered<Value> {
  readonly #capacity: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: string): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: Value): void {
    if (this.#young.size >= this.#capacity / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
