import type { Clock } from '../../ports/clock.ts';
import type { DeathReason } from './deathHeaders.ts';
import type { Entry } from './Entry.ts';

/** Sends an entry to its dead-letter exchange; false when it must be kept, as no queue takes it now. */
export type DeadLetter = (entry: Entry, reason: DeathReason) => boolean;

const retryMs = 1000;

/** Where the dead of one queue go; those that must arrive, and cannot now, are offered again. */
export class DeadLetterOffice {
  private readonly clock: Clock;
  private readonly send: DeadLetter;
  private parked: { readonly entry: Entry; readonly reason: DeathReason }[] = [];
  private retrying = false;

  constructor(clock: Clock, send: DeadLetter) {
    this.clock = clock;
    this.send = send;
  }

  /** The dead letter's copies hold the receipt before the entry lets go of it. */
  bury(entry: Entry, reason: DeathReason): void {
    if (this.send(entry, reason)) {
      entry.receipt?.release();
      return;
    }
    this.parked.push({ entry, reason });
    if (!this.retrying) void this.retry();
  }

  removeWhere(unwanted: (entry: Entry) => boolean): readonly Entry[] {
    const removed = this.parked.filter(({ entry }) => unwanted(entry));
    this.parked = this.parked.filter(({ entry }) => !unwanted(entry));
    return removed.map(({ entry }) => entry);
  }

  private async retry(): Promise<void> {
    this.retrying = true;
    while (this.parked.length > 0) {
      await this.clock.sleep(retryMs);
      for (const { entry, reason } of this.parked.splice(0)) this.bury(entry, reason);
    }
    this.retrying = false;
  }
}
