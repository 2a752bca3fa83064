import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Outbox, SourcePlace } from '../../ports/outbox.ts';

export interface PublishedWaitersOptions {
  readonly outbox: Pick<Outbox, 'findPublished'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often to ask the outbox what a relay in another process has done; 100 ms by default. */
  readonly pollMs?: number;
  /** Beyond so many at once nobody waits: the answer is then `false` at once. 10,000 by default. */
  readonly maxWaiters?: number;
}

interface Waiter extends SourcePlace {
  readonly settle: (published: boolean) => void;
}

/**
 * Lets a caller wait until its messages are published: woken by the relay of this process, else by asking the
 * outbox, when they come and every now and then: one question for all who came in the same turn, and one for all who
 * wait.
 */
export class PublishedWaiters {
  private readonly options: PublishedWaitersOptions;
  private readonly waiting = new Map<string, Set<Waiter>>();
  private newcomers: Waiter[] = [];
  private count = 0;
  private polling: AbortController | null = null;
  private failing = false;

  constructor(options: PublishedWaitersOptions) {
    this.options = options;
  }

  /**
   * True as soon as every message of the source up to and including `sequence` is published, false when that takes
   * longer than `timeoutMs`. Never rejects.
   */
  async waitFor(tenant: string, source: string, sequence: number, timeoutMs: number): Promise<boolean> {
    if (this.count >= (this.options.maxWaiters ?? 10_000)) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const ended = new AbortController();
    const waiter: Waiter = {
      tenant,
      source,
      sequence,
      settle: (published) => {
        if (ended.signal.aborted) return;
        this.remove(waiter);
        resolve(published);
        ended.abort();
      },
    };
    this.add(waiter);
    void this.options.clock.sleep(timeoutMs, ended.signal).then(() => waiter.settle(false));
    // Those who are told of their commit in one turn come together.
    if (this.newcomers.length === 0) setImmediate(this.askForNewcomers);
    this.newcomers.push(waiter);
    return promise;
  }

  /** The relay's hook: this message, and all before it, are marked as published. */
  readonly onPublished = (tenant: string, source: string, sequence: number): void => {
    if (this.count === 0) return;
    const waiters = this.waiting.get(keyOf(tenant, source));
    if (waiters === undefined) return;
    for (const waiter of waiters) if (waiter.sequence <= sequence) waiter.settle(true);
  };

  private add(waiter: Waiter): void {
    const key = keyOf(waiter.tenant, waiter.source);
    const waiters = this.waiting.get(key);
    if (waiters === undefined) this.waiting.set(key, new Set([waiter]));
    else waiters.add(waiter);
    this.count += 1;
    if (this.polling === null) void this.poll();
  }

  private remove(waiter: Waiter): void {
    const key = keyOf(waiter.tenant, waiter.source);
    const waiters = this.waiting.get(key);
    if (waiters?.delete(waiter) !== true) return;
    if (waiters.size === 0) this.waiting.delete(key);
    this.count -= 1;
    if (this.count === 0) this.polling?.abort();
  }

  private async poll(): Promise<void> {
    const polling = new AbortController();
    this.polling = polling;
    while (this.count > 0) {
      await this.options.clock.sleep(this.options.pollMs ?? 100, polling.signal);
      if (polling.signal.aborted) break;
      await this.ask([...this.waiting.values()].flatMap((waiters) => [...waiters]));
    }
    this.polling = null;
    if (this.count > 0) void this.poll();
  }

  private readonly askForNewcomers = (): void => {
    const newcomers = this.newcomers;
    this.newcomers = [];
    void this.ask(
      newcomers.filter((waiter) => this.waiting.get(keyOf(waiter.tenant, waiter.source))?.has(waiter)),
    );
  };

  private async ask(waiters: readonly Waiter[]): Promise<void> {
    if (waiters.length === 0) return;
    const { outbox, logger } = this.options;
    try {
      for (const index of await outbox.findPublished(waiters)) waiters[index]?.settle(true);
      this.failing = false;
    } catch (err) {
      if (!this.failing)
        logger.warn({ err }, 'cannot find out what is published; those who wait go on waiting');
      this.failing = true;
    }
  }
}

const keyOf = (tenant: string, source: string): string => `${tenant}\n${source}`;
