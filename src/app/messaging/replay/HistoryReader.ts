import {
  type EventReader,
  type RecordedEvent,
  type StreamKey,
  streamKeyText,
} from '../../../ports/eventStore.ts';
import type { OutboxMessage } from '../../../ports/outbox.ts';
import type { PublicHistory, StreamPoint } from './publicHistory.ts';
import { readStretches } from './readStretches.ts';

export interface HistoryQuery {
  readonly tenant: string;
  /** Null: all of them. */
  readonly streams: readonly string[] | null;
  /** The first event is the one after this position, the last one at most at `until`. */
  readonly after: number;
  readonly until: number;
  /** Messages at most. */
  readonly limit: number;
  readonly wanted: (message: OutboxMessage) => boolean;
}

export interface HistoryPage {
  /** Exactly as they were published first, in position order. */
  readonly messages: readonly { readonly stream: string; readonly message: OutboxMessage }[];
  /** The position up to which the log was read. */
  readonly through: number;
}

/** Events looked at for one page. */
const eventsPerPage = 1_000;
/** A page ends early when its messages are large. */
const charactersPerPage = 8 * 1024 * 1024;
/** Streams whose state is kept from page to page: a long stream is then folded once, not once per page. */
const keptStreams = 10_000;

/**
 * Reads the log as messages, page after page. A message tells the state after its event, so a stream that a page
 * enters in its middle is folded up to there first. What was read beyond a page's limit is kept for the page after it.
 */
export class HistoryReader {
  readonly #events: Pick<EventReader, 'readAll' | 'readStreams'>;
  readonly #histories: ReadonlyMap<string, PublicHistory>;
  /** Those used longest ago come first. */
  readonly #points = new Map<string, StreamPoint>();
  /** What the last page left unread, which begins after this position. */
  #rest: { readonly after: number; readonly events: readonly RecordedEvent[] } | null = null;

  constructor(
    events: Pick<EventReader, 'readAll' | 'readStreams'>,
    histories: ReadonlyMap<string, PublicHistory>,
  ) {
    this.#events = events;
    this.#histories = histories;
  }

  async read(query: HistoryQuery): Promise<HistoryPage> {
    const { tenant, streams, after, until, limit, wanted } = query;
    this.#forgetOldest();
    const read = await this.#readLog(after);
    const some = streams === null ? null : new Set(streams);
    const page = read.filter(
      (event) =>
        event.position <= until && event.tenant === tenant && (some === null || some.has(event.stream)),
    );
    await this.#prepare(page);
    const messages: { stream: string; message: OutboxMessage }[] = [];
    let characters = 0;
    for (const event of page) {
      const message = this.#advance(event);
      if (message === null || !wanted(message)) continue;
      messages.push({ stream: event.stream, message });
      characters += message.payload.length;
      if (messages.length === limit || characters >= charactersPerPage) {
        this.#keepAfter(event, read);
        return { messages, through: event.position };
      }
    }
    return { messages, through: Math.min(until, read.at(-1)?.position ?? until) };
  }

  /** At least one event, unless the log ends here. */
  async #readLog(after: number): Promise<readonly RecordedEvent[]> {
    const rest = this.#rest;
    this.#rest = null;
    return rest?.after === after ? rest.events : this.#events.readAll(after, eventsPerPage);
  }

  #keepAfter({ position: after }: RecordedEvent, read: readonly RecordedEvent[]): void {
    const events = read.filter(({ position }) => position > after);
    if (events.length > 0) this.#rest = { after, events };
  }

  /** Brings every stream of the page to where the page enters it. */
  async #prepare(page: readonly RecordedEvent[]): Promise<void> {
    const entries = new Map<string, RecordedEvent>();
    for (const event of page)
      if (!entries.has(streamKeyText(event))) entries.set(streamKeyText(event), event);
    const behind = [...entries].filter(([key, { version }]) => this.#versionOf(key, version) !== version - 1);
    const parts = behind.map(([key, { tenant, stream, version }]) => {
      return { tenant, stream, after: this.#versionOf(key, version), through: version - 1 };
    });
    for await (const stretch of readStretches(this.#events, parts))
      for (const event of stretch) this.#advance(event);
  }

  /** Where the stream stands in memory; 0, and forgotten, when that is beyond `entry`. */
  #versionOf(key: string, entry: number): number {
    const version = this.#points.get(key)?.version ?? 0;
    if (version < entry) return version;
    this.#points.delete(key);
    return 0;
  }

  #advance(event: RecordedEvent): OutboxMessage | null {
    const key = streamKeyText(event);
    const history = this.#historyOf(event);
    const { point, message } = history.next(this.#points.get(key) ?? history.start, event);
    this.#points.delete(key);
    this.#points.set(key, point);
    return message;
  }

  #historyOf({ stream }: StreamKey): PublicHistory {
    const history = this.#histories.get(stream.slice(0, stream.indexOf('/')));
    if (history === undefined) throw new Error(`this program knows no aggregate for the stream ${stream}`);
    return history;
  }

  #forgetOldest(): void {
    for (const key of this.#points.keys()) {
      if (this.#points.size <= keptStreams) return;
      this.#points.delete(key);
    }
  }
}
