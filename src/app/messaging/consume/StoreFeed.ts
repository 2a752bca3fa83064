import type { Clock } from '../../../ports/clock.ts';
import type { InboxReader, WaitingMessage } from '../../../ports/inbox.ts';
import type { Logger } from '../../../ports/logger.ts';
import { Bell } from '../Bell.ts';

export interface StoreFeedOptions {
  readonly consumer: string;
  readonly inbox: InboxReader;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Handles a message from the store. `found` there without a cause, it may be what a process died of; else it was
   * `freed` by its predecessor. Resolves with whether it is to wait for its turn, and never rejects.
   */
  readonly handle: (row: WaitingMessage, cause: Cause) => Promise<'done' | 'waits'>;
}

export type Cause = 'freed' | 'found';

/** Messages found at a time. */
const page = 500;
const pollMs = 1_000;
const shortestRestMs = 20;
const strandedEveryMs = 10_000;

/** Hands one consumer the messages that the store keeps for it: what is due, and what nobody is left to wake. */
export class StoreFeed {
  readonly #options: StoreFeedOptions;
  readonly #bell: Bell;
  readonly #stopping = new AbortController();
  /** Messages that are being handled; true when they were freed once more meanwhile. */
  readonly #inHand = new Map<string, boolean>();
  #nextLookAt = 0;
  #feeding: Promise<void> = Promise.resolve();
  #idle = Promise.withResolvers<void>();

  constructor(options: StoreFeedOptions) {
    this.#options = options;
    this.#bell = new Bell(options.clock);
  }

  start(): void {
    this.#feeding = this.#feed();
  }

  /** Takes nothing new, and resolves when nothing is in hand. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#bell.ring();
    await this.#feeding;
    while (this.#inHand.size > 0) await this.#idle.promise;
  }

  /** Something will be due then. */
  expect(dueAt: number): void {
    if (dueAt < this.#nextLookAt) this.#bell.ring();
  }

  /** These may have their turn now. */
  free(rows: readonly WaitingMessage[]): void {
    for (const row of rows) this.#take(row, 'freed');
  }

  #take(row: WaitingMessage, cause: Cause): void {
    if (this.#stopping.signal.aborted) return;
    const key = `${row.tenant}\n${row.source}\n${row.sequence}\n${row.messageId}`;
    const freedAgain = this.#inHand.get(key);
    if (freedAgain === undefined) void this.#handle(key, row, cause);
    else this.#inHand.set(key, freedAgain || cause === 'freed');
  }

  async #handle(key: string, row: WaitingMessage, cause: Cause): Promise<void> {
    this.#inHand.set(key, false);
    const outcome = await this.#options.handle(row, cause);
    // It was too early for it, and its predecessor has passed since.
    const again = outcome === 'waits' && this.#inHand.get(key) === true;
    this.#inHand.delete(key);
    if (again) this.#take(row, 'freed');
    // Half a page is time enough to find the next one.
    if (this.#inHand.size === page / 2 || this.#inHand.size === 0) this.#bell.ring();
    if (this.#inHand.size > 0) return;
    this.#idle.resolve();
    this.#idle = Promise.withResolvers();
  }

  async #feed(): Promise<void> {
    const { clock, consumer, logger } = this.#options;
    let strandedAt = 0;
    while (!this.#stopping.signal.aborted) {
      let restMs = pollMs;
      try {
        const now = clock.now();
        if (now >= strandedAt) strandedAt = (await this.#feedStranded()) ? now : now + strandedEveryMs;
        restMs = await this.#feedDue(now);
      } catch (err) {
        logger.warn({ err, consumer }, 'cannot look for messages to retry; trying again');
      }
      this.#nextLookAt = clock.now() + restMs;
      await clock.sleep(shortestRestMs, this.#stopping.signal);
      await this.#bell.rest(restMs - shortestRestMs);
    }
  }

  /** Returns whether there may be more. */
  async #feedStranded(): Promise<boolean> {
    const { inbox, consumer } = this.#options;
    const rows = await inbox.stranded(consumer, page);
    for (const row of rows) this.#take(row, 'found');
    return rows.length === page;
  }

  /** Returns how long to rest. */
  async #feedDue(now: number): Promise<number> {
    const { inbox, consumer } = this.#options;
    for (const row of await inbox.due(consumer, now, page)) this.#take(row, 'found');
    const next = await inbox.nextDueAt(consumer);
    // What is due and in hand already rings when it is done.
    return next === null || next <= now ? pollMs : Math.min(pollMs, next - now);
  }
}
