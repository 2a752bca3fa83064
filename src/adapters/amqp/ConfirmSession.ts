import { type ConfirmChannel, IllegalOperationError, type Message } from 'amqplib';
import type { Publication, PublishOutcome } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import { PendingConfirms } from '../publishing/PendingConfirms.ts';
import { publishOptions } from './amqpMessage.ts';
import { describeError } from './describeError.ts';

export interface ConfirmSessionSettings {
  readonly clock: Clock;
  readonly confirmTimeoutMs: number;
  /** The channel is of no more use: the server closed it, or it failed to confirm in time. Called once at most. */
  readonly onUnusable: (reason: string) => void;
}

/**
 * One confirm channel and what is in flight on it. It counts the broker's delivery tags itself, from 1: cheaper than
 * a callback for each message, and the answer needs no telling apart by error text.
 */
export class ConfirmSession {
  private readonly channel: ConfirmChannel;
  private readonly settings: ConfirmSessionSettings;
  private readonly confirms: PendingConfirms;
  private lastTag = 0;
  private usable = true;

  constructor(channel: ConfirmChannel, settings: ConfirmSessionSettings) {
    this.channel = channel;
    this.settings = settings;
    const { clock, confirmTimeoutMs } = settings;
    this.confirms = new PendingConfirms(clock, confirmTimeoutMs, () => {
      // A channel that lost a confirm may lose them all; a longer wait does not help (rabbitmq-server issue 14589).
      this.fail(`no confirm within ${confirmTimeoutMs} ms`);
    });
    let closeReason = 'the channel closed';
    channel.on('error', (error) => {
      closeReason = describeError(error);
    });
    channel.on('close', () => this.fail(closeReason));
    channel.on('ack', ({ deliveryTag, multiple }) => {
      if (!multiple) this.confirms.confirm(deliveryTag);
      else for (const tag of this.confirms.through(deliveryTag)) this.confirms.confirm(tag);
    });
    channel.on('nack', ({ deliveryTag, multiple }) => {
      const tags = multiple ? this.confirms.through(deliveryTag) : [deliveryTag];
      for (const tag of tags) this.confirms.settle(tag, { kind: 'nacked' });
    });
    channel.on('return', (message) =>
      this.confirms.markReturned(messageIdOf(message), message.fields.routingKey, reasonOf(message)),
    );
  }

  publish(exchange: string, publication: Publication): Promise<PublishOutcome> {
    if (!this.usable) return Promise.resolve({ kind: 'lost', reason: 'the channel is closed' });
    const content = Buffer.from(publication.payload, 'utf8');
    try {
      // Its answer, whether the buffer is full, needs no heed: the caller bounds what is in flight.
      this.channel.publish(exchange, publication.routingKey, content, publishOptions(publication));
    } catch (error) {
      const reason = describeError(error);
      // All else that it throws comes from encoding, before anything is sent.
      if (!(error instanceof IllegalOperationError))
        return Promise.resolve({ kind: 'unpublishable', reason });
      // The channel closed before there was anybody to hear of it.
      this.fail(reason);
      return Promise.resolve({ kind: 'lost', reason });
    }
    this.lastTag += 1;
    return this.confirms.add(this.lastTag, publication);
  }

  get pending(): number {
    return this.confirms.size;
  }

  whenConfirmed(): Promise<void> {
    return this.confirms.whenEmpty();
  }

  /** Settles all that is in flight as lost, and closes the channel if there is anything left to close. */
  discard(reason: string): void {
    this.usable = false;
    this.confirms.loseAll(reason);
    this.channel.close().catch(() => undefined);
  }

  private fail(reason: string): void {
    if (!this.usable) return;
    this.discard(reason);
    this.settings.onUnusable(reason);
  }
}

const messageIdOf = ({ properties }: Message): string =>
  typeof properties.messageId === 'string' ? properties.messageId : '';

/** The library's types leave out the two fields that only a return has. */
const reasonOf = ({ fields }: Message): string => {
  const { replyCode, replyText } = fields as { readonly replyCode?: number; readonly replyText?: string };
  return `${replyText ?? 'returned'} (${replyCode ?? 'no code'})`;
};
