import type { ChannelModel } from 'amqplib';
import type { ConnectionState, Publication, PublishOutcome, Topology } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { ReadyGate } from '../publishing/ReadyGate.ts';
import { whyUnpublishable } from '../publishing/whyUnpublishable.ts';
import { AmqpConnection, type ConnectionSettings } from './AmqpConnection.ts';
import { ConfirmSession } from './ConfirmSession.ts';
import { settledWithin, within } from './deadline.ts';
import { declareTopology } from './declareTopology.ts';
import { describeError } from './describeError.ts';

export interface PublisherSettings extends ConnectionSettings {
  readonly topology: Topology;
  readonly confirmTimeoutMs: number;
}

/** Publishes through one pipelined confirm channel at a time, on a connection of its own. */
export class AmqpPublisher {
  private readonly settings: PublisherSettings;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly gate = new ReadyGate();
  private readonly link: AmqpConnection;
  private connection: ChannelModel | null = null;
  private session: ConfirmSession | null = null;
  private blocked = false;
  private reopeningOn: ChannelModel | null = null;
  private declaring: Promise<void> | null = null;

  constructor(settings: PublisherSettings) {
    this.settings = settings;
    this.clock = settings.clock;
    this.logger = settings.logger;
    this.link = new AmqpConnection(settings, {
      up: (connection) => this.up(connection),
      down: (reason) => this.down(reason),
      blocked: () => this.setBlocked(true),
      unblocked: () => this.setBlocked(false),
    });
  }

  start(): void {
    this.link.start();
  }

  get state(): ConnectionState {
    return this.gate.state;
  }

  whenReady(signal: AbortSignal): Promise<void> {
    return this.gate.whenReady(signal);
  }

  publish(publication: Publication): Promise<PublishOutcome> {
    const unpublishable = whyUnpublishable(publication);
    if (unpublishable !== undefined) {
      return Promise.resolve({ kind: 'unpublishable', reason: unpublishable });
    }
    if (this.session === null || this.gate.state !== 'connected') {
      return Promise.resolve({ kind: 'lost', reason: `the broker connection is ${this.gate.state}` });
    }
    const exchange = this.settings.topology.exchangeNames[publication.exchange];
    return this.session.publish(exchange, publication);
  }

  redeclare(): Promise<void> {
    this.declaring ??= this.declareAgain().finally(() => {
      this.declaring = null;
    });
    return this.declaring;
  }

  /** Waits for outstanding confirms for half of `ms`, and is closed after `ms` at the latest. */
  async close(ms: number): Promise<void> {
    const { session } = this;
    this.gate.set('closed');
    if (session !== null) {
      await settledWithin(this.clock, ms / 2, session.whenConfirmed());
      session.discard('the broker connection was closed');
    }
    await this.link.close(ms / 2);
  }

  private async up(connection: ChannelModel): Promise<void> {
    this.connection = connection;
    this.blocked = false;
    await declareTopology(connection, this.settings.topology);
    await this.openSession(connection);
  }

  private async openSession(connection: ChannelModel): Promise<void> {
    const channel = await connection.createConfirmChannel();
    const session = new ConfirmSession(channel, {
      clock: this.clock,
      confirmTimeoutMs: this.settings.confirmTimeoutMs,
      onUnusable: (reason) => this.replaceSession(connection, session, reason),
    });
    // The answer may have come late: after the connection went, or another session took its place.
    if (this.connection !== connection || this.session !== null || this.gate.state === 'closed') {
      session.discard('not needed any more');
      return;
    }
    this.session = session;
    this.showState();
  }

  private down(reason: string): void {
    this.connection = null;
    this.session?.discard(reason);
    this.session = null;
    this.blocked = false;
    this.showState();
  }

  private setBlocked(blocked: boolean): void {
    if (this.blocked === blocked) return;
    this.blocked = blocked;
    if (blocked)
      this.logger.warn({}, 'the broker blocks publishers (memory or disk alarm); publishing waits');
    else this.logger.info({}, 'the broker lets publishers go on');
    this.showState();
    // A channel that failed during the block could not be replaced then, as the broker was not reading.
    if (!blocked && this.session === null && this.connection !== null) {
      void this.reopen(this.connection, 'it failed while the broker blocked');
    }
  }

  private replaceSession(connection: ChannelModel, session: ConfirmSession, reason: string): void {
    if (this.session !== session) return;
    this.session = null;
    this.showState();
    if (this.gate.state !== 'closed' && !this.blocked) void this.reopen(connection, reason);
  }

  /** A connection on which no channel can be had is no good either. */
  private async reopen(connection: ChannelModel, reason: string): Promise<void> {
    if (this.reopeningOn === connection) return;
    this.reopeningOn = connection;
    const { setupTimeoutMs, topology } = this.settings;
    const opening = async (): Promise<void> => {
      // The server closes the channel over a missing exchange, for example.
      await declareTopology(connection, topology);
      await this.openSession(connection);
    };
    try {
      // When the whole connection ends, its channels tell first.
      await this.clock.sleep(0);
      if (this.connection !== connection) return;
      this.logger.warn(
        { reason },
        'the confirm channel is replaced; what was in flight on it counts as lost',
      );
      await within(this.clock, setupTimeoutMs, opening(), `no new channel within ${setupTimeoutMs} ms`);
    } catch (error) {
      if (this.connection !== connection || this.blocked) return;
      this.logger.warn({ reason: describeError(error) }, 'no new confirm channel; the connection is dropped');
      this.link.drop(connection);
    } finally {
      if (this.reopeningOn === connection) this.reopeningOn = null;
    }
  }

  private async declareAgain(): Promise<void> {
    const { connection } = this;
    if (connection === null) return;
    const { setupTimeoutMs, topology } = this.settings;
    const late = `not answered within ${setupTimeoutMs} ms`;
    try {
      await within(this.clock, setupTimeoutMs, declareTopology(connection, topology), late);
    } catch (error) {
      this.logger.error({ reason: describeError(error) }, 'the broker topology cannot be declared');
    }
  }

  private showState(): void {
    if (this.session === null) this.gate.set(this.blocked ? 'blocked' : 'connecting');
    else this.gate.set(this.blocked ? 'blocked' : 'connected');
  }
}
