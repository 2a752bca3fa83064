import type { ChannelModel } from 'amqplib';
import type { ConnectionState, Publication, PublishOutcome, Topology } from '../../ports/broker.ts';
import { ReadyGate } from '../publishing/ReadyGate.ts';
import { whyUnpublishable } from '../publishing/whyUnpublishable.ts';
import { AmqpConnection, type ConnectionSettings } from './AmqpConnection.ts';
import { ChannelPool, type PublishStrategy } from './ChannelPool.ts';
import { settledWithin, within } from './deadline.ts';
import { declareTopology } from './declareTopology.ts';
import { describeError } from './describeError.ts';
import { PublishChannel } from './PublishChannel.ts';

export interface PublisherSettings extends ConnectionSettings {
  readonly topology: Topology;
  readonly confirmTimeoutMs: number;
  /** How many confirm channels share the connection. */
  readonly channels: number;
  readonly strategy: PublishStrategy;
}

/** What is open on one connection. */
interface Publishing {
  readonly connection: ChannelModel;
  readonly channels: readonly PublishChannel[];
  readonly pool: ChannelPool;
}

/** Publishes through pipelined confirm channels, on a connection of its own. */
export class AmqpPublisher {
  private readonly settings: PublisherSettings;
  private readonly gate = new ReadyGate();
  private readonly link: AmqpConnection;
  private current: Publishing | null = null;
  private blocked = false;
  private declaring: Promise<void> | null = null;

  constructor(settings: PublisherSettings) {
    this.settings = settings;
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
    if (this.current === null || this.gate.state !== 'connected') {
      return Promise.resolve({ kind: 'lost', reason: `the broker connection is ${this.gate.state}` });
    }
    return this.current.pool.publish(publication);
  }

  async redeclare(): Promise<void> {
    if (this.current === null) return;
    try {
      await this.declareOnce(this.current.connection);
    } catch (error) {
      this.settings.logger.error({ reason: describeError(error) }, 'the broker topology cannot be declared');
    }
  }

  /** Waits for outstanding confirms for half of `ms`, and is closed after `ms` at the latest. */
  async close(ms: number): Promise<void> {
    const channels = this.current?.channels ?? [];
    this.gate.set('closed');
    const confirmed = Promise.all(channels.map((channel) => channel.whenConfirmed()));
    await settledWithin(this.settings.clock, ms / 2, confirmed);
    for (const channel of channels) channel.end('the broker connection was closed');
    await this.link.close(ms / 2);
  }

  private async up(connection: ChannelModel): Promise<void> {
    const { clock, logger, topology, confirmTimeoutMs, setupTimeoutMs, strategy } = this.settings;
    this.blocked = false;
    await this.declareOnce(connection);
    const channels = Array.from(
      { length: this.settings.channels },
      () =>
        new PublishChannel({
          connection,
          exchangeNames: topology.exchangeNames,
          clock,
          logger,
          confirmTimeoutMs,
          setupTimeoutMs,
          prepare: () => this.declareOnce(connection),
          isUsable: () =>
            this.current?.connection === connection && !this.blocked && this.gate.state !== 'closed',
          onChange: () => this.showState(),
          onHopeless: () => this.link.drop(connection),
        }),
    );
    this.current = { connection, channels, pool: new ChannelPool(channels, strategy) };
    await Promise.all(channels.map((channel) => channel.open()));
  }

  private down(reason: string): void {
    const channels = this.current?.channels ?? [];
    this.current = null;
    this.declaring = null;
    this.blocked = false;
    for (const channel of channels) channel.end(reason);
    this.showState();
  }

  private setBlocked(blocked: boolean): void {
    if (this.blocked === blocked) return;
    this.blocked = blocked;
    const { logger } = this.settings;
    if (blocked) logger.warn({}, 'the broker blocks publishers (memory or disk alarm); publishing waits');
    else logger.info({}, 'the broker lets publishers go on');
    this.showState();
    if (blocked) return;
    // What failed during the block could not be replaced then, as the broker was not reading.
    for (const channel of this.current?.channels ?? []) {
      if (!channel.isOpen) void channel.reopen('it failed while the broker blocked');
    }
  }

  /** Several channels that fail together declare once. */
  private declareOnce(connection: ChannelModel): Promise<void> {
    if (this.declaring !== null) return this.declaring;
    const { clock, setupTimeoutMs, topology } = this.settings;
    const late = `the topology was not declared within ${setupTimeoutMs} ms`;
    const declaring = within(clock, setupTimeoutMs, declareTopology(connection, topology), late).finally(
      () => {
        if (this.declaring === declaring) this.declaring = null;
      },
    );
    this.declaring = declaring;
    return declaring;
  }

  private showState(): void {
    if (this.blocked) this.gate.set('blocked');
    else this.gate.set(this.current?.pool.isOpen ? 'connected' : 'connecting');
  }
}
