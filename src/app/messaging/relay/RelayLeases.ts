import type { Clock } from '../../../ports/clock.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { Lease, PartitionLeases } from '../../../ports/outbox.ts';
import { Bell } from '../Bell.ts';

const retryMs = 1000;

interface RelayLeasesOptions {
  readonly leases: PartitionLeases;
  readonly owner: string;
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether anything of the partition is in flight or unwritten. */
  readonly isBusy: (partition: number) => boolean;
  /** The partition is served by others from now on, or soon. */
  readonly onLost: (partition: number) => void;
  /** There are partitions to serve that were not served before. */
  readonly onGained: () => void;
}

/**
 * Keeps the leases of one relay: renews them three times per lease time, and gives up what exceeds its fair share as
 * soon as nothing of it is in flight. A lease counts as over, by the local clock, a fifth before it is.
 */
export class RelayLeases {
  private readonly options: RelayLeasesOptions;
  private readonly bell: Bell;
  private readonly held = new Map<number, Lease>();
  private readonly draining = new Set<number>();
  private validUntil = 0;
  private doubted = false;
  private failing = false;
  private ending = false;
  private running: Promise<void> = Promise.resolve();

  constructor(options: RelayLeasesOptions) {
    this.options = options;
    this.bell = new Bell(options.clock);
  }

  start(): void {
    this.running = this.run();
  }

  /** Stops renewing and gives up everything. */
  async stop(): Promise<void> {
    this.ending = true;
    this.bell.ring();
    await this.running;
    try {
      await this.options.leases.release(this.options.owner, 'all');
    } catch (err) {
      this.options.logger.warn({ err }, 'leases could not be given up; others take over when they run out');
    }
    this.held.clear();
  }

  /** Whether messages of the partition may be sent now. */
  isUsable(partition: number): boolean {
    return (
      this.held.has(partition) && !this.draining.has(partition) && this.options.clock.now() < this.validUntil
    );
  }

  /** The partitions whose messages may be sent now. */
  usable(): readonly number[] {
    return [...this.held.keys()].filter((partition) => this.isUsable(partition));
  }

  /** Every lease held, for writing answers; what is no longer true the outbox finds out. */
  all(): readonly Lease[] {
    return [...this.held.values()];
  }

  /**
   * The outbox did not take a change: others may have taken over. Nothing is sent until the leases were renewed, else
   * this relay would read and publish the same messages again and again until it notices by itself.
   */
  doubt(): void {
    this.validUntil = 0;
    this.doubted = true;
    this.bell.ring();
  }

  /** Something is no longer busy. */
  settled(): void {
    if (this.draining.size > 0) this.bell.ring();
  }

  private async run(): Promise<void> {
    const { ttlMs, clock } = this.options;
    let renewAt = clock.now();
    while (!this.ending) {
      const early = renewAt - clock.now();
      // Earlier than any renewal can be: the wall clock was set back.
      if (this.doubted || early <= 0 || early > ttlMs) {
        this.doubted = false;
        renewAt = clock.now() + ((await this.renew()) ? ttlMs / 3 : Math.min(retryMs, ttlMs / 10));
      }
      await this.releaseDrained();
      if (this.ending) return;
      await this.bell.rest(Math.max(1, renewAt - clock.now()));
    }
  }

  private async renew(): Promise<boolean> {
    const { leases, owner, clock, ttlMs, logger } = this.options;
    const now = clock.now();
    try {
      const { held, excess } = await leases.renew(owner, now, ttlMs);
      const lapsed = clock.now() >= this.validUntil;
      this.validUntil = now + ttlMs * 0.8;
      this.adopt(held, lapsed, excess);
      if (this.failing) logger.info({}, 'leases can be renewed again');
      this.failing = false;
      return true;
    } catch (err) {
      if (!this.failing) logger.warn({ err }, 'leases cannot be renewed; publishing stops when they run out');
      this.failing = true;
      return false;
    }
  }

  private adopt(held: readonly Lease[], lapsed: boolean, excess: number): void {
    const { onLost, onGained } = this.options;
    const fences = new Map(held.map((lease) => [lease.partition, lease.fence]));
    for (const { partition, fence } of this.held.values()) {
      if (fences.get(partition) === fence) continue;
      this.held.delete(partition);
      this.draining.delete(partition);
      onLost(partition);
    }
    let gained = lapsed && held.length > 0;
    for (const lease of held) {
      if (!this.held.has(lease.partition)) gained = true;
      this.held.set(lease.partition, lease);
    }
    if (this.drain(excess)) gained = true;
    if (gained) onGained();
  }

  /** Chooses what to give up; tells whether something that was to go may stay. */
  private drain(excess: number): boolean {
    let kept = false;
    for (const partition of [...this.draining].slice(excess)) {
      this.draining.delete(partition);
      kept = true;
    }
    for (const partition of [...this.held.keys()].toReversed()) {
      if (this.draining.size >= excess) break;
      if (this.draining.has(partition)) continue;
      this.draining.add(partition);
      this.options.onLost(partition);
    }
    return kept;
  }

  private async releaseDrained(): Promise<void> {
    const { leases, owner, isBusy, logger } = this.options;
    const done = [...this.draining].filter((partition) => !isBusy(partition));
    if (done.length === 0) return;
    try {
      await leases.release(owner, done);
      for (const partition of done) {
        this.held.delete(partition);
        this.draining.delete(partition);
      }
    } catch (err) {
      logger.warn({ err, partitions: done }, 'partitions could not be handed over; trying again');
    }
  }
}
