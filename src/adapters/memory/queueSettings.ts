import { BrokerFailure, type QueueDeclaration } from '../../ports/broker.ts';

/** The queue arguments that the in-memory broker obeys; it ignores others, such as `x-expires`. */
export interface QueueSettings {
  readonly quorum: boolean;
  readonly maxLength: number;
  readonly overflow: 'drop-head' | 'reject-publish' | 'reject-publish-dlx';
  /** Milliseconds. */
  readonly messageTtl: number | undefined;
  readonly deliveryLimit: number;
  readonly deadLetterExchange: string | undefined;
  readonly deadLetterRoutingKey: string | undefined;
  /** A dead letter that no queue takes is kept, and offered again. */
  readonly deadLettersAtLeastOnce: boolean;
  readonly singleActiveConsumer: boolean;
}

export const queueSettings = ({ name, arguments: args }: QueueDeclaration): QueueSettings => {
  const number = (key: string): number | undefined => {
    const value = args[key];
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
    throw new BrokerFailure(`queue "${name}": ${key} must be a whole number from 0, but is ${String(value)}`);
  };
  const text = (key: string): string | undefined => {
    const value = args[key];
    if (value === undefined || typeof value === 'string') return value;
    throw new BrokerFailure(`queue "${name}": ${key} must be a string, but is ${String(value)}`);
  };
  const quorum = text('x-queue-type') === 'quorum';
  const deliveryLimit = number('x-delivery-limit');
  if (deliveryLimit !== undefined && !quorum) {
    throw new BrokerFailure(`queue "${name}": x-delivery-limit needs x-queue-type quorum`);
  }
  return {
    quorum,
    maxLength: number('x-max-length') ?? Number.POSITIVE_INFINITY,
    overflow: overflow(name, text('x-overflow')),
    messageTtl: number('x-message-ttl'),
    deliveryLimit: deliveryLimit ?? Number.POSITIVE_INFINITY,
    deadLetterExchange: text('x-dead-letter-exchange'),
    deadLetterRoutingKey: text('x-dead-letter-routing-key'),
    // RabbitMQ falls back to at-most-once without a word where one of the three is missing.
    deadLettersAtLeastOnce:
      text('x-dead-letter-strategy') === 'at-least-once' && quorum && args['x-overflow'] === 'reject-publish',
    singleActiveConsumer: args['x-single-active-consumer'] === true,
  };
};

const overflow = (queue: string, value: string | undefined): QueueSettings['overflow'] => {
  if (value === undefined) return 'drop-head';
  if (value === 'drop-head' || value === 'reject-publish' || value === 'reject-publish-dlx') return value;
  throw new BrokerFailure(`queue "${queue}": x-overflow "${value}" is not known`);
};
