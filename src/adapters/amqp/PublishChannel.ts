import type { ChannelModel } from 'amqplib';
import type { Publication, PublishOutcome, Topology } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { PooledChannel } from './ChannelPool.ts';
import { ConfirmSession } from './ConfirmSession.ts';
import { within } from './deadline.ts';
import { describeError } from './describeError.ts';

export interface PublishChannelOptions {
  readonly connection: ChannelModel;
  readonly exchangeNames: Topology['exchangeNames'];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly confirmTimeoutMs: number;
  readonly setupTimeoutMs: number;
  /** Declares what the channel needs. */
  readonly prepare: () => Promise<void>;
  /** Whether the connection lives, and the broker reads from it. */
  readonly isUsable: () => boolean;
  /** It is open now, or closed. */
  readonly onChange: () => void;
  /** No new channel can be had: a connection like that is no good either. */
  readonly onHopeless: () => void;
}

/**
 * One confirm channel that is always wanted on a connection: when it fails it is replaced alone, and its neighbours
 * and the connection do not notice.
 */
export class PublishChannel implements PooledChannel {
  private readonly options: PublishChannelOptions;
  private session: ConfirmSession | null = null;
  private reopening = false;
  private ended = false;

  constructor(options: PublishChannelOptions) {
    this.options = options;
  }

  get isOpen(): boolean {
    return this.session !== null;
  }

  get pending(): number {
    return this.session?.pending ?? 0;
  }

  publish(publication: Publication): Promise<PublishOutcome> {
    if (this.session === null) return Promise.resolve({ kind: 'lost', reason: 'the channel is closed' });
    return this.session.publish(this.options.exchangeNames[publication.exchange], publication);
  }

  async open(): Promise<void> {
    const { connection, clock, confirmTimeoutMs, onChange } = this.options;
    const channel = await connection.createConfirmChannel();
    const session = new ConfirmSession(channel, {
      clock,
      confirmTimeoutMs,
      onUnusable: (reason) => this.replace(session, reason),
    });
    // The answer may have come late: after the end, or after another session took the place.
    if (this.ended || this.session !== null) {
      session.discard('not needed any more');
      return;
    }
    this.session = session;
    onChange();
  }

  /** Opens it where it is closed, on a connection that can be used. */
  async reopen(reason: string): Promise<void> {
    const { clock, logger, setupTimeoutMs, isUsable, prepare, onHopeless } = this.options;
    if (this.reopening || this.session !== null) return;
    this.reopening = true;
    const opening = async (): Promise<void> => {
      // The server closes the channel over a missing exchange, for example.
      await prepare();
      await this.open();
    };
    try {
      // When the whole connection ends, its channels tell first.
      await clock.sleep(0);
      if (this.ended || !isUsable()) return;
      logger.warn({ reason }, 'a confirm channel is replaced; what was in flight on it counts as lost');
      await within(clock, setupTimeoutMs, opening(), `no new channel within ${setupTimeoutMs} ms`);
    } catch (error) {
      if (this.ended || !isUsable()) return;
      logger.warn({ reason: describeError(error) }, 'no new confirm channel; the connection is dropped');
      onHopeless();
    } finally {
      this.reopening = false;
    }
  }

  whenConfirmed(): Promise<void> {
    return this.session?.whenConfirmed() ?? Promise.resolve();
  }

  /** Settles all that is in flight as lost; the channel is not wanted any more. */
  end(reason: string): void {
    this.ended = true;
    this.session?.discard(reason);
    this.session = null;
  }

  private replace(session: ConfirmSession, reason: string): void {
    if (this.session !== session) return;
    this.session = null;
    this.options.onChange();
    if (this.options.isUsable()) void this.reopen(reason);
  }
}
