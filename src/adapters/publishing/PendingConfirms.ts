import type { Publication, PublishOutcome } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';

interface PendingConfirm {
  readonly id: string;
  readonly routingKey: string;
  readonly born: number;
  readonly resolve: (outcome: PublishOutcome) => void;
  returned: string | null;
}

const sweepsPerTimeout = 20;
const confirmed: PublishOutcome = { kind: 'confirmed' };

/**
 * Publications that wait for their confirm, by tag. Tags grow. One sweep serves all timeouts, as a timer per message
 * would cost more than the message; it counts its own ticks, so that neither a jump of the wall clock nor a stall
 * of this process makes messages look lost.
 */
export class PendingConfirms {
  private readonly pending = new Map<number, PendingConfirm>();
  private readonly clock: Clock;
  private readonly timeoutMs: number;
  private readonly onExpired: (tags: readonly number[]) => void;
  private tick = 0;
  private sweeping = false;
  private emptied: PromiseWithResolvers<void> | null = null;

  /** `onExpired` hears of the tags that just settled as lost because no confirm came within `timeoutMs`. */
  constructor(clock: Clock, timeoutMs: number, onExpired: (tags: readonly number[]) => void) {
    this.clock = clock;
    this.timeoutMs = timeoutMs;
    this.onExpired = onExpired;
  }

  get size(): number {
    return this.pending.size;
  }

  add(tag: number, { id, routingKey }: Publication): Promise<PublishOutcome> {
    if (!this.sweeping) void this.sweep();
    return new Promise((resolve) => {
      this.pending.set(tag, { id, routingKey, born: this.tick, resolve, returned: null });
    });
  }

  /** The broker took responsibility, for what it did not return before. */
  confirm(tag: number): void {
    const entry = this.pending.get(tag);
    if (entry === undefined) return;
    this.settle(tag, entry.returned === null ? confirmed : { kind: 'returned', reason: entry.returned });
  }

  /** Nothing happens when it is settled already. */
  settle(tag: number, outcome: PublishOutcome): void {
    const entry = this.pending.get(tag);
    if (entry === undefined) return;
    this.pending.delete(tag);
    entry.resolve(outcome);
    if (this.pending.size === 0) {
      this.emptied?.resolve();
      this.emptied = null;
    }
  }

  /** What is pending up to and including `tag`, in order. */
  through(tag: number): readonly number[] {
    const tags: number[] = [];
    for (const pendingTag of this.pending.keys()) {
      if (pendingTag > tag) break;
      tags.push(pendingTag);
    }
    return tags;
  }

  /**
   * A return comes before the confirm that follows it, and does not name its tag. One event's id may be in flight
   * twice, to two queues as a dead letter of each; then the routing key tells them apart.
   */
  markReturned(id: string, routingKey: string, reason: string): void {
    for (const entry of this.pending.values()) {
      if (entry.id !== id || entry.routingKey !== routingKey || entry.returned !== null) continue;
      entry.returned = reason;
      return;
    }
  }

  loseAll(reason: string): void {
    for (const tag of [...this.pending.keys()]) this.settle(tag, { kind: 'lost', reason });
  }

  whenEmpty(): Promise<void> {
    if (this.pending.size === 0) return Promise.resolve();
    this.emptied ??= Promise.withResolvers<void>();
    return this.emptied.promise;
  }

  private async sweep(): Promise<void> {
    this.sweeping = true;
    do {
      await this.clock.sleep(this.timeoutMs / sweepsPerTimeout);
      this.tick += 1;
      this.expire();
    } while (this.pending.size > 0);
    this.sweeping = false;
  }

  private expire(): void {
    const expired: number[] = [];
    for (const [tag, entry] of this.pending) {
      if (this.tick - entry.born < sweepsPerTimeout) break;
      expired.push(tag);
    }
    if (expired.length === 0) return;
    const reason = `no confirm within ${this.timeoutMs} ms`;
    for (const tag of expired) this.settle(tag, { kind: 'lost', reason });
    this.onExpired(expired);
  }
}
