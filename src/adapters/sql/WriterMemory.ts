import type { GateState } from '../../ports/inbox.ts';
import type { SendingSession, Session } from './dialect.ts';

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
 * else has committed and none of its own has failed. Whoever writes events, gates or waiting rows on this connection
 * must keep it right: the connection's own commits are not counted.
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
  async fresh(session: SendingSession): Promise<void> {
    session.requireOpen();
    this.#fresh ??= this.#forgetIfOld(session);
    await this.#fresh;
    session.requireOpen();
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

/** A map that lets go of what was not used for long, of about half of it at once when it is full (see ADR 6). */
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

  /** In the order of the keys; what is not known yet is read, each once, by its place among them. */
  async all(
    keys: readonly string[],
    readMissing: (places: readonly number[]) => Promise<readonly Value[]>,
  ): Promise<readonly Value[]> {
    const known = keys.map((key) => this.get(key));
    const missing = new Map<string, number>();
    for (const [place, key] of keys.entries()) if (known[place] === undefined) missing.set(key, place);
    if (missing.size === 0) return known as readonly Value[];
    const values = await readMissing([...missing.values()]);
    const read = new Map([...missing.keys()].map((key, index) => [key, values[index]!]));
    for (const [key, value] of read) this.set(key, value);
    return known.map((value, place) => value ?? read.get(keys[place]!)!);
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
