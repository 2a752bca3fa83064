/** A stream as a batch left it: what a later one goes on from, with the events since. */
export interface RecentStream {
  readonly version: number;
  /** As in `StagedStream`. */
  readonly firstPosition: number | null;
  readonly published: number;
  readonly snapshotVersion: number;
  readonly state: unknown;
}

interface Kept {
  readonly stream: RecentStream;
  readonly weight: number;
}

const defaultCapacity = 8 * 1024 * 1024;

/**
 * The streams that were used last, so that not every message about an order reads the order's whole history anew. What
 * a stream was at a version stays true, whoever writes meanwhile; one that is let go of is only read again. When it is
 * full it lets go of about half at once (see ADR 6).
 */
export class RecentStreams {
  readonly #capacity: number;
  #young = new Map<string, Kept>();
  #old: ReadonlyMap<string, Kept> = new Map();
  #youngWeight = 0;

  /** `capacity`: of all of them together, about, in bytes; 8 MiB by default. */
  constructor(capacity = defaultCapacity) {
    this.#capacity = capacity;
  }

  /** By `streamKeyText`. */
  get(key: string): RecentStream | undefined {
    return (this.#young.get(key) ?? this.#old.get(key))?.stream;
  }

  keep(key: string, stream: RecentStream): void {
    const before = this.#young.get(key);
    if (before?.stream.version === stream.version) return;
    const weight = bytesOfEntry + 2 * key.length + weightOf(stream.state);
    this.#young.set(key, { stream, weight });
    this.#youngWeight += weight - (before?.weight ?? 0);
    if (this.#youngWeight < this.#capacity / 2) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngWeight = 0;
  }

  /** All is to be read again. */
  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.#youngWeight = 0;
  }
}

const bytesOfEntry = 200;
const bytesOfValue = 32;
const bytesOfMap = 200;

/** How many bytes a state takes in memory, about. */
const weightOf = (value: unknown): number => {
  if (typeof value === 'string') return bytesOfValue + value.length;
  if (typeof value !== 'object' || value === null) return bytesOfValue;
  let weight = value instanceof Map ? bytesOfMap : bytesOfValue;
  const parts = value instanceof Map ? value.entries() : Object.values(value);
  for (const part of parts) weight += weightOf(part);
  return weight;
};
