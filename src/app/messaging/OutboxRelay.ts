import type { Publisher } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { RelayState } from '../../ports/operations.ts';
import type { ExchangeName, Outbox, PartitionLeases } from '../../ports/outbox.ts';
import { Bell } from './Bell.ts';
import { BrokerGate } from './relay/BrokerGate.ts';
import { Lanes } from './relay/Lanes.ts';
import { OutboxReader } from './relay/OutboxReader.ts';
import { type Answer, OutcomeWriter, type PutOff } from './relay/OutcomeWriter.ts';
import { PublishPipe } from './relay/PublishPipe.ts';
import { RelayLeases } from './relay/RelayLeases.ts';
import { defaultRelaySettings, type RelaySettings } from './relay/relaySettings.ts';

export interface OutboxRelayOptions {
  readonly outbox: Outbox;
  readonly leases: PartitionLeases;
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Unique among all relays that ever work on this database. */
  readonly owner: string;
  /** Whether a declared queue is bound for this routing key, so that a return shows a missing topology. */
  readonly isMandatory: (exchange: ExchangeName, routingKey: string) => boolean;
  /** Called for each message once it is marked as published, in sequence order per source. Must not throw. */
  readonly onPublished?: (tenant: string, source: string, sequence: number) => void;
  /** From 0 up to 1, for jitter; `Math.random` by default. */
  readonly random?: () => number;
  readonly settings?: Partial<RelaySettings>;
}

export interface RelayStatus {
  readonly state: Exclude<RelayState, 'elsewhere'>;
  /** When messages were last marked as published, in ms since the epoch; null when none was yet. */
  readonly lastSuccessAt: number | null;
}

const capacityPerWindow = 4;
const unwrittenPerWindow = 12;
const largestPage = 1000;
/** Of the time to stop, the share for waiting on confirms; the rest is for marking and for giving up the leases. */
const confirmShare = 0.75;

/**
 * Publishes the outbox: at least once, and per source in sequence order as first seen by any consumer, also when
 * several relays work on one database or one of them is gone, late or dead (docs/adr/0003-relay-order-and-leases.md).
 * Every message stays in the outbox until the broker has confirmed it, so killing this at any point loses nothing.
 *
 * Three loops share the work: the reader fills the lanes, the writer marks what was answered, and the leases are
 * kept. Sending needs no loop.
 */
export class OutboxRelay {
  private readonly clock: Clock;
  private readonly onPublished: NonNullable<OutboxRelayOptions['onPublished']>;
  private readonly lanes: Lanes;
  private readonly gate: BrokerGate;
  private readonly leases: RelayLeases;
  private readonly writer: OutcomeWriter;
  private readonly reader: OutboxReader;
  private readonly pipe: PublishPipe;
  private readonly stopping = new AbortController();
  private readonly landing: Bell;
  private started = false;
  private stopped: Promise<void> | null = null;
  private lastSuccessAt: number | null = null;
  private paused = false;

  constructor(options: OutboxRelayOptions) {
    const settings = { ...defaultRelaySettings, ...options.settings };
    const { random = Math.random } = options;
    const common = { ...options, random, backoff: settings.outageBackoff };
    this.clock = options.clock;
    this.onPublished = options.onPublished ?? (() => undefined);
    this.landing = new Bell(options.clock);
    this.lanes = new Lanes(capacityPerWindow * settings.window, unwrittenPerWindow * settings.window);
    this.gate = new BrokerGate({ ...common, stopped: this.stopping.signal, onOpen: () => this.goOn() });
    this.leases = new RelayLeases({
      ...common,
      ttlMs: settings.leaseTtlMs,
      isBusy: (partition) => this.lanes.busyIn(partition) > 0,
      onLost: (partition) => this.lanes.closeWhere((lane) => lane.partition === partition),
      onGained: () => this.reader.lookForAll(),
    });
    this.writer = new OutcomeWriter({
      ...common,
      batch: settings.markBatch,
      delayMs: settings.markDelayMs,
      isIdle: () => this.lanes.inFlight === 0,
      leases: () => this.leases.all(),
      onMarked: (answers, all) => this.marked(answers, all),
      onPutOff: (answers) => this.putOff(answers),
      onSetAside: (answer) => this.written([answer]),
    });
    this.reader = new OutboxReader({
      ...common,
      lanes: this.lanes,
      pollMs: settings.pollMs,
      pageSize: Math.min(largestPage, settings.window),
      maxPayloads: settings.maxPayloads,
      partitions: () => (this.gate.isOpen() && !this.paused ? this.leases.usable() : []),
      onRows: () => this.pipe.send(),
    });
    this.pipe = new PublishPipe({
      ...common,
      lanes: this.lanes,
      gate: this.gate,
      writer: this.writer,
      window: settings.window,
      messageBackoff: settings.messageBackoff,
      maySend: (partition) => this.leases.isUsable(partition),
      isPaused: () => this.paused,
      onAnswer: (lane) => {
        this.reader.refill(lane);
        if (this.lanes.inFlight === 0) this.landing.ring();
      },
    });
  }

  start(): void {
    if (this.started || this.stopped !== null) throw new Error('a relay starts once');
    this.started = true;
    this.leases.start();
    this.writer.start();
    this.reader.start();
  }

  /** Something was committed: looks for new messages at once. */
  wake(): void {
    this.reader.lookForNew();
  }

  /** Messages that were passed over may be free to go: looks at everything at once. */
  rescan(): void {
    this.reader.lookForAll();
  }

  /** Sends nothing more; what is in flight is still marked, and the leases are kept. Twice is fine. */
  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.goOn();
  }

  status(): RelayStatus {
    return { state: this.state(), lastSuccessAt: this.lastSuccessAt };
  }

  /**
   * Takes nothing new, waits until what is in flight was answered, marks that, and gives up its leases; all of it in
   * at most `deadlineMs`. What is not marked by then is sent again by whoever comes next.
   */
  stop(options: { readonly deadlineMs: number }): Promise<void> {
    this.stopped ??= this.started ? this.end(options.deadlineMs) : Promise.resolve();
    return this.stopped;
  }

  private async end(deadlineMs: number): Promise<void> {
    this.stopping.abort();
    this.pipe.end();
    this.lanes.closeWhere(() => true);
    const reading = this.reader.stop();
    const done = new AbortController();
    const deadline = this.clock.sleep(deadlineMs, done.signal);
    await Promise.race([this.wrapUp(reading, deadlineMs * confirmShare), deadline]);
    done.abort();
    this.writer.abandon();
  }

  private async wrapUp(reading: Promise<void>, confirmMs: number): Promise<void> {
    const until = this.clock.now() + confirmMs;
    while (this.lanes.inFlight > 0 && this.clock.now() < until) {
      await this.landing.rest(until - this.clock.now());
    }
    await this.writer.finish();
    await reading;
    await this.leases.stop();
  }

  private state(): RelayStatus['state'] {
    if (!this.started || this.stopped !== null) return 'stopped';
    if (this.paused) return 'paused';
    if (!this.gate.isOpen()) return this.gate.isBlocked ? 'blocked' : 'waiting_for_broker';
    return this.lanes.isEmpty ? 'idle' : 'publishing';
  }

  private goOn(): void {
    this.pipe.send();
    this.reader.goOn();
  }

  private marked(answers: readonly Answer[], all: boolean): void {
    this.lastSuccessAt = this.clock.now();
    for (const { lane, sequence, wasPutOff } of answers) {
      if (wasPutOff) this.reader.released();
      if (all) this.onPublished(lane.tenant, lane.source, sequence);
    }
    if (!all) this.leases.doubt();
    this.written(answers);
  }

  private putOff(answers: readonly PutOff[]): void {
    for (const { dueAt } of answers) this.reader.putOffUntil(dueAt);
    this.written(answers);
  }

  private written(answers: readonly Answer[]): void {
    for (const { lane } of answers) this.lanes.written(lane);
    this.leases.settled();
    this.reader.goOn();
  }
}
