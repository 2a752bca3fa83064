/** How settlements reach the broker; `multiple` means this tag and all unsettled ones below it. */
export interface SettlementChannel {
  ack(tag: number, multiple: boolean): void;
  nack(tag: number, requeue: boolean): void;
}

/**
 * Settles the deliveries of one channel, whose tags count from 1. Acks given in one go are joined: one frame for
 * all that are settled without a gap, which is what makes batches cheap. Order among calls is kept.
 */
export class AckWindow {
  private readonly channel: SettlementChannel;
  private lowestUnsettled = 1;
  private readonly acked = new Set<number>();
  /** Settled with the broker, above the lowest one that is not. */
  private readonly settled = new Set<number>();
  private flushing = false;

  constructor(channel: SettlementChannel) {
    this.channel = channel;
  }

  ack(tag: number): void {
    this.acked.add(tag);
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => this.flush());
  }

  nack(tag: number, requeue: boolean): void {
    this.flush();
    this.channel.nack(tag, requeue);
    this.settled.add(tag);
  }

  private flush(): void {
    this.flushing = false;
    if (this.acked.size === 0) return;
    let through = 0;
    for (;;) {
      if (this.acked.delete(this.lowestUnsettled)) through = this.lowestUnsettled;
      else if (!this.settled.delete(this.lowestUnsettled)) break;
      this.lowestUnsettled += 1;
    }
    if (through > 0) this.channel.ack(through, true);
    for (const tag of this.acked) {
      this.channel.ack(tag, false);
      this.settled.add(tag);
    }
    this.acked.clear();
  }
}
