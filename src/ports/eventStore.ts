/** `none`: the stream must not exist yet. `any`: append whatever is there. A number: exactly that version. */
export type ExpectedVersion = number | 'none' | 'any';

/** Names one stream of one tenant. `stream` is `<category>/<id>`, for example `orders/018f…`. */
export interface StreamKey {
  readonly tenant: string;
  readonly stream: string;
}

/** A stream, or what came after one of its versions. */
export interface StreamPart extends StreamKey {
  /** Events after this version only; 0, the default, reads them all. */
  readonly after?: number;
}

/** A part of a stream that may end before the stream does. */
export interface StreamStretch extends StreamPart {
  /** Events up to this version, that version included; all of them by default. */
  readonly through?: number;
}

export interface NewEvent {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  /** ISO 8601, UTC, milliseconds. */
  readonly time: string;
  /** Plain JSON. */
  readonly data: object;
  readonly correlationId: string;
  readonly causationId: string;
  /** W3C trace context, or null. */
  readonly traceparent: string | null;
}

export interface RecordedEvent extends NewEvent, StreamKey {
  /** Counts the stream's events from 1, without gaps. */
  readonly version: number;
  /** Counts over all streams of the store, strictly increasing in commit order; numbers may be skipped. */
  readonly position: number;
}

export interface Append extends StreamKey {
  readonly expected: ExpectedVersion;
  /** At least one. */
  readonly events: readonly NewEvent[];
}

export type AppendResult =
  /** `firstPositions[i]` is the position of the first event of the i-th append. */
  | { readonly ok: true; readonly firstPositions: readonly number[] }
  | { readonly ok: false; readonly conflicts: readonly VersionConflict[] };

export interface VersionConflict extends StreamKey {
  readonly expected: ExpectedVersion;
  /** 0 when the stream does not exist. */
  readonly actual: number;
}

/** The part of the event store that works inside a unit of work. */
export interface EventAppender {
  /**
   * The events of the named streams, each stream in version order; a stream that does not exist yields nothing. A
   * stream named twice is read once, as it was named last.
   */
  readStreams(parts: readonly StreamPart[]): Promise<readonly RecordedEvent[]>;
  /**
   * Appends to several streams, each named at most once per call: all or nothing. A stream that is not at its
   * expected version is a conflict, returned as a value with the actual version; then nothing was written by this
   * call and the transaction can go on.
   */
  append(appends: readonly Append[]): Promise<AppendResult>;
}

/** Reading outside of a unit of work sees committed events only, and never waits for a writer. */
export interface EventReader {
  /** Events of one stream in version order; `upTo` includes that version. Empty when the stream does not exist. */
  readStream(key: StreamKey, upTo?: number): Promise<readonly RecordedEvent[]>;
  /** As `readStream` for many at once, grouped by stream in no special order; one named twice as it was named last. */
  readStreams(parts: readonly StreamStretch[]): Promise<readonly RecordedEvent[]>;
  /**
   * At most `limit` events with a position above `after`, in position order. An event whose position is at or
   * below one that was returned never becomes visible later, also with several writers: a reader that remembers
   * the last position misses nothing.
   */
  readAll(after: number, limit: number): Promise<readonly RecordedEvent[]>;
  /** The highest committed position; 0 in an empty store. */
  lastPosition(): Promise<number>;
  /** Everybody who has events, in order. */
  tenants(): Promise<readonly string[]>;
}

/** Unambiguous, because no tenant holds a NUL. */
export const streamKeyText = (key: StreamKey): string => `${key.tenant}\0${key.stream}`;
