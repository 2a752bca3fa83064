import type { BrokerMessage, Publication, PublishOutcome, Topology } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import { PendingConfirms } from '../publishing/PendingConfirms.ts';
import type { BrokerServer } from './BrokerServer.ts';
import type { ConfirmFaults } from './ConfirmFaults.ts';
import { PublicationReceipt } from './PublicationReceipt.ts';
import { type Schedule, Wire } from './Wire.ts';

export interface MemoryPublisherContext {
  readonly server: BrokerServer;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly schedule: Schedule;
  readonly faults: ConfirmFaults;
  readonly confirm: 'on-enqueue' | 'on-consumed';
  readonly confirmTimeoutMs: number;
}

/** The publishing half of a connection: the way to the broker, and the answers that are awaited. */
export class MemoryPublisher {
  readonly confirms: PendingConfirms;
  private readonly context: MemoryPublisherContext;
  private readonly toBroker: Wire;
  private readonly receipts = new Map<number, PublicationReceipt>();
  private lastTag = 0;

  constructor(context: MemoryPublisherContext) {
    this.context = context;
    this.toBroker = new Wire(context.schedule);
    this.confirms = new PendingConfirms(context.clock, context.confirmTimeoutMs, (tags) =>
      this.abandon(tags),
    );
  }

  publish(publication: Publication): Promise<PublishOutcome> {
    const tag = ++this.lastTag;
    this.toBroker.push(() => this.arrive(tag, publication));
    return this.confirms.add(tag, publication);
  }

  /** The broker stops reading. */
  pause(): void {
    this.toBroker.pause();
  }

  resume(): void {
    this.toBroker.resume();
  }

  /** The connection is gone, with what is under way. */
  cut(reason: string): void {
    this.toBroker.cut();
    this.toBroker.resume();
    this.context.faults.forgetHeld();
    this.receipts.clear();
    this.confirms.loseAll(reason);
  }

  private arrive(tag: number, publication: Publication): void {
    const { faults, server, topology, confirm } = this.context;
    const answer = (outcome: PublishOutcome): void =>
      faults.answer(outcome, (arrived) => this.confirms.settle(tag, arrived));
    if (faults.takeNack()) {
      answer({ kind: 'nacked' });
      return;
    }
    const receipt = confirm === 'on-consumed' ? this.receiptFor(tag, answer) : null;
    const exchange = topology.exchangeNames[publication.exchange];
    const result = server.publish(exchange, publication.routingKey, messageOf(publication), receipt);
    if (receipt !== null && result === 'routed') {
      receipt.answerWhenReleased();
      return;
    }
    this.receipts.delete(tag);
    if (result === 'rejected') answer({ kind: 'nacked' });
    else if (result === 'no-exchange') answer({ kind: 'lost', reason: `there is no exchange "${exchange}"` });
    else if (result === 'unroutable' && publication.mandatory) {
      answer({ kind: 'returned', reason: 'NO_ROUTE: no queue takes it' });
    } else answer({ kind: 'confirmed' });
  }

  private receiptFor(tag: number, answer: (outcome: PublishOutcome) => void): PublicationReceipt {
    const receipt = new PublicationReceipt(() => {
      this.receipts.delete(tag);
      answer({ kind: 'confirmed' });
    });
    this.receipts.set(tag, receipt);
    return receipt;
  }

  /**
   * Their publisher will offer these again, so copies that still wait in a queue are taken out: otherwise a paused
   * consumer's queue would grow with every timeout.
   */
  private abandon(tags: readonly number[]): void {
    for (const tag of tags) this.receipts.get(tag)?.abandon();
    for (const tag of tags) this.receipts.delete(tag);
    if (this.context.confirm === 'on-consumed') this.context.server.withdrawAbandoned();
  }
}

/** Only what a message carries; where it was sent to is the broker's affair. */
const messageOf = ({ id, type, contentType, payload, timestamp, headers }: Publication): BrokerMessage => ({
  id,
  type,
  contentType,
  payload,
  timestamp,
  headers,
});
