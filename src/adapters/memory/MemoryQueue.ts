import type { Clock } from '../../ports/clock.ts';
import { type DeadLetter, DeadLetterOffice } from './DeadLetterOffice.ts';
import type { Entry, Receipt, RoutedMessage } from './Entry.ts';
import type { QueueSettings } from './queueSettings.ts';
import { ReadyList } from './ReadyList.ts';

/** The queue's side of a consumer. `send` passes a delivery on; `cancelled` tells that the queue is gone. */
export interface Consumer {
  readonly prefetch: number;
  readonly unsettled: Map<number, Entry>;
  readonly send: (tag: number, entry: Entry) => void;
  readonly cancelled: () => void;
}

/**
 * One queue, with the rules of a classic queue of RabbitMQ, and the delivery limit of a quorum queue. A message goes
 * to a consumer with room at the moment it arrives; what is given back takes its old place.
 */
export class MemoryQueue {
  readonly settings: QueueSettings;
  private readonly clock: Clock;
  private readonly dead: DeadLetterOffice;
  private readonly ready = new ReadyList<Entry>();
  private consumers: Consumer[] = [];
  private positions = 0;
  private tags = 0;
  private awaitingExpiry = false;

  constructor(settings: QueueSettings, clock: Clock, deadLetter: DeadLetter) {
    this.settings = settings;
    this.clock = clock;
    this.dead = new DeadLetterOffice(clock, deadLetter);
  }

  /** Delivered, and neither acked nor given back. */
  get unsettledCount(): number {
    return this.consumers.reduce((sum, { unsettled }) => sum + unsettled.size, 0);
  }

  get readyCount(): number {
    return this.ready.size;
  }

  /** False when the queue is full and set to refuse. */
  enqueue(routed: RoutedMessage, receipt: Receipt | null): boolean {
    const { maxLength, overflow, messageTtl } = this.settings;
    const entry: Entry = {
      position: ++this.positions,
      routed,
      receipt,
      expiresAt: messageTtl === undefined ? Number.POSITIVE_INFINITY : this.clock.now() + messageTtl,
      returns: 0,
    };
    receipt?.hold();
    if (overflow !== 'drop-head' && this.ready.size + 1 > maxLength) {
      if (overflow === 'reject-publish-dlx') this.dead.bury(entry, 'maxlen');
      else receipt?.release();
      return false;
    }
    const consumer = this.ready.size === 0 ? this.nextConsumer() : undefined;
    if (consumer !== undefined) {
      this.give(consumer, entry);
      return true;
    }
    this.ready.insert(entry);
    this.tidy();
    return true;
  }

  addConsumer(consumer: Consumer): void {
    this.consumers.push(consumer);
    this.tidy();
  }

  /** The consumer gets no more; what it holds it may still settle. */
  removeConsumer(consumer: Consumer): void {
    this.consumers = this.consumers.filter((other) => other !== consumer);
    this.tidy();
  }

  /** The consumer's connection is gone: what it held goes back, in its old order. */
  dropConsumer(consumer: Consumer): void {
    this.consumers = this.consumers.filter((other) => other !== consumer);
    const entries = [...consumer.unsettled.values()];
    consumer.unsettled.clear();
    for (const entry of entries) this.giveBack(entry);
    this.tidy();
  }

  ack(consumer: Consumer, tag: number): void {
    this.settle(consumer, tag)?.receipt?.release();
    this.tidy();
  }

  nack(consumer: Consumer, tag: number, requeue: boolean): void {
    const entry = this.settle(consumer, tag);
    if (entry === undefined) return;
    if (requeue) this.giveBack(entry);
    else this.dead.bury(entry, 'rejected');
    this.tidy();
  }

  /** Takes out what waits and is wanted by nobody any more. */
  withdrawAbandoned(): void {
    const abandoned = (entry: Entry): boolean => entry.receipt?.abandoned === true;
    for (const entry of this.ready.removeWhere(abandoned)) entry.receipt?.release();
    for (const entry of this.dead.removeWhere(abandoned)) entry.receipt?.release();
  }

  /** The queue is deleted, with all that is in it. */
  destroy(): void {
    const held = this.consumers.flatMap((consumer) => [...consumer.unsettled.values()]);
    const waiting = this.ready.removeWhere(() => true);
    const parked = this.dead.removeWhere(() => true);
    for (const entry of [...held, ...waiting, ...parked]) entry.receipt?.release();
    for (const consumer of this.consumers.splice(0)) {
      consumer.unsettled.clear();
      consumer.cancelled();
    }
  }

  private settle(consumer: Consumer, tag: number): Entry | undefined {
    const entry = consumer.unsettled.get(tag);
    consumer.unsettled.delete(tag);
    return entry;
  }

  private giveBack(entry: Entry): void {
    entry.returns += 1;
    if (entry.returns > this.settings.deliveryLimit) this.dead.bury(entry, 'delivery_limit');
    else this.ready.insert(entry);
  }

  /** Drops what is too old, hands out what can be, drops what is too much. */
  private tidy(): void {
    this.dropExpired();
    for (;;) {
      const consumer = this.ready.size === 0 ? undefined : this.nextConsumer();
      const entry = consumer === undefined ? undefined : this.ready.takeFirst();
      if (consumer === undefined || entry === undefined) break;
      this.give(consumer, entry);
    }
    while (this.settings.overflow === 'drop-head' && this.ready.size > this.settings.maxLength) {
      this.dead.bury(this.ready.takeFirst()!, 'maxlen');
    }
    if (this.settings.messageTtl !== undefined && this.ready.size > 0 && !this.awaitingExpiry) {
      void this.expireLater();
    }
  }

  private dropExpired(): void {
    if (this.settings.messageTtl === undefined) return;
    const now = this.clock.now();
    while ((this.ready.first()?.expiresAt ?? Number.POSITIVE_INFINITY) <= now) {
      this.dead.bury(this.ready.takeFirst()!, 'expired');
    }
  }

  private async expireLater(): Promise<void> {
    this.awaitingExpiry = true;
    const head = this.ready.first();
    if (head !== undefined) await this.clock.sleep(Math.max(0, head.expiresAt - this.clock.now()));
    this.awaitingExpiry = false;
    this.tidy();
  }

  private give(consumer: Consumer, entry: Entry): void {
    const tag = ++this.tags;
    consumer.unsettled.set(tag, entry);
    consumer.send(tag, entry);
  }

  /** Round robin over those with room; a single active consumer is the one that came first. */
  private nextConsumer(): Consumer | undefined {
    const candidates = this.settings.singleActiveConsumer ? this.consumers.slice(0, 1) : this.consumers;
    const next = candidates.find((consumer) => consumer.unsettled.size < consumer.prefetch);
    if (next !== undefined && candidates.length > 1) {
      this.consumers = [...this.consumers.filter((consumer) => consumer !== next), next];
    }
    return next;
  }
}
