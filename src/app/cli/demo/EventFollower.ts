import { setTimeout as sleep } from 'node:timers/promises';
import type { DemoClient } from './DemoClient.ts';
import { eventStreamParser, type ServerSentEvent } from './serverSentEvents.ts';

interface EventData {
  readonly orderId: string;
  readonly version: number;
  readonly data: { readonly clientReference?: unknown };
}

const reconnectMs = 250;

/**
 * Follows `GET /v1/events` and keeps book of the orders of one run: how many events of each type came, and whether
 * each order's came in order, every one once. A stream that breaks is taken up again where it ended.
 */
export class EventFollower {
  readonly #client: DemoClient;
  readonly #referencePrefix: string;
  readonly #stop = new AbortController();
  readonly #versions = new Map<string, number>();
  readonly #types = new Map<string, number>();
  #outOfOrder = 0;
  #lastId: string | undefined;
  #lastSeenAt = performance.now();
  #running: Promise<void> = Promise.resolve();
  /** Streams that had to be opened again. */
  reconnects = 0;

  constructor(client: DemoClient, referencePrefix: string) {
    this.#client = client;
    this.#referencePrefix = referencePrefix;
  }

  /** Resolves when the stream is open: no event of an order placed after that is missed. */
  async start(): Promise<void> {
    const first = await this.#open();
    this.#running = this.#follow(first);
  }

  /** How often each type was seen, in order of first sight. */
  get types(): ReadonlyMap<string, number> {
    return this.#types;
  }

  /** Events that came too early, too late or twice. */
  get outOfOrder(): number {
    return this.#outOfOrder;
  }

  /** The last version seen of an order; 0 when none was. */
  versionOf(orderId: string): number {
    return this.#versions.get(orderId) ?? 0;
  }

  get quietForMs(): number {
    return performance.now() - this.#lastSeenAt;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #open(lastId?: string): Promise<AsyncIterable<Uint8Array>> {
    const resume = lastId === undefined ? {} : { 'Last-Event-ID': lastId };
    const headers = { Accept: 'text/event-stream', ...resume };
    const response = await this.#client.open('/v1/events', headers, this.#stop.signal);
    if (response.statusCode === 200) return response;
    response.destroy();
    throw new Error(`GET /v1/events answered ${response.statusCode}`);
  }

  async #follow(first: AsyncIterable<Uint8Array>): Promise<void> {
    let stream: AsyncIterable<Uint8Array> | undefined = first;
    while (!this.#stop.signal.aborted) {
      try {
        // Broken before the first event: the beginning of the log comes before everything that was missed.
        stream ??= await this.#open(this.#lastId ?? '0');
        const parse = eventStreamParser();
        for await (const chunk of stream) for (const event of parse(chunk)) this.#see(event);
      } catch {
        // The server went away, or this follower was stopped. What is missing in the end is told by the books.
      }
      stream = undefined;
      if (this.#stop.signal.aborted) return;
      this.reconnects += 1;
      await sleep(reconnectMs);
    }
  }

  #see({ id, event, data }: ServerSentEvent): void {
    this.#lastId = id;
    const { orderId, version, data: message } = JSON.parse(data) as EventData;
    const known = this.#versions.get(orderId);
    if (known === undefined) {
      // Others may be placing orders too. An order of this run whose first event is missed counts as unseen.
      if (version !== 1 || !String(message.clientReference).startsWith(this.#referencePrefix)) return;
    }
    this.#lastSeenAt = performance.now();
    this.#types.set(event, (this.#types.get(event) ?? 0) + 1);
    if (version !== (known ?? 0) + 1) this.#outOfOrder += 1;
    this.#versions.set(orderId, Math.max(version, known ?? 0));
  }
}
