import type { ChannelModel } from 'amqplib';
import type { BrokerFailure } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import { ConsumerSession, type ConsumerSettings } from './ConsumerSession.ts';
import { settledWithin } from './deadline.ts';

/** What is wanted from one queue, through any number of sessions. */
export class AmqpSubscription {
  /** Resolves with the first session, and rejects when there can be none. */
  readonly established: Promise<void>;
  readonly queue: string;
  private readonly settings: ConsumerSettings;
  private readonly clock: Clock;
  private readonly cancelTimeoutMs: number;
  private readonly first = Promise.withResolvers<void>();
  private session: ConsumerSession | null = null;
  private isEstablished = false;
  private isWanted = true;
  private refusing = false;

  /** A cancel that takes longer is done without the broker's answer: what still comes is refused. */
  constructor(settings: ConsumerSettings, clock: Clock, cancelTimeoutMs: number) {
    const { onDelivery } = settings;
    this.settings = {
      ...settings,
      onDelivery: (delivery) => (this.refusing ? delivery.nack(true) : onDelivery(delivery)),
    };
    this.clock = clock;
    this.cancelTimeoutMs = cancelTimeoutMs;
    this.queue = settings.queue;
    this.established = this.first.promise;
  }

  get wanted(): boolean {
    return this.isWanted;
  }

  /** From the start of a session to its end; resolves with the reason, rejects when it cannot start. */
  async consume(connection: ChannelModel, onStarted: () => void): Promise<string> {
    const session = await ConsumerSession.start(connection, this.settings);
    if (!this.isWanted) {
      session.end();
      return 'cancelled';
    }
    this.session = session;
    this.isEstablished = true;
    this.first.resolve();
    onStarted();
    return session.ended;
  }

  /** Before the first session: there will be none. After it a subscription is never given up. */
  giveUp(reason: BrokerFailure): void {
    if (this.isEstablished) return;
    this.isWanted = false;
    this.first.reject(reason);
  }

  /** No delivery starts after this resolves; those under way may still be settled. */
  async cancel(): Promise<void> {
    this.isWanted = false;
    if (this.session !== null) await settledWithin(this.clock, this.cancelTimeoutMs, this.session.cancel());
    this.refusing = true;
  }
}
