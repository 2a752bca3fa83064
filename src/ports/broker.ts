import type { ExchangeName } from './outbox.ts';

export interface BrokerMessage {
  readonly id: string;
  /** CloudEvents type. */
  readonly type: string;
  readonly contentType: string;
  /** UTF-8 text. */
  readonly payload: string;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly headers: Readonly<Record<string, HeaderValue>>;
}

export type HeaderValue =
  | string
  | number
  | boolean
  | null
  | readonly HeaderValue[]
  | { readonly [name: string]: HeaderValue };

/** The largest payload of the messages that are ours, in bytes of UTF-8. */
export const maxPayloadBytes = 1_048_576;

/**
 * The largest that goes back to where it came from, as a dead letter or a redrive: a stranger's message may be larger
 * than ours. It is what RabbitMQ takes at most unless it is told otherwise (`max_message_size`, since 4.0).
 */
export const maxReturnedBytes = 16_777_216;

export interface Publication extends BrokerMessage {
  readonly exchange: ExchangeName;
  readonly routingKey: string;
  /** Ask for the message back when no queue takes it. */
  readonly mandatory: boolean;
  /** Names the stream whose order counts; without it the message has no place in any order. */
  readonly orderingKey?: string;
}

/**
 * What became of a publication. Only `confirmed` says that the broker has taken responsibility for it.
 * `nacked`: refused by the broker. `returned`: it was mandatory and no queue took it. `lost`: no answer came in
 * time, or the connection broke or is away; the message may or may not have arrived. `unpublishable`: it can never
 * be published as it is (over the size limit, not encodable).
 */
export type PublishOutcome =
  | { readonly kind: 'confirmed' }
  | { readonly kind: 'nacked' }
  | { readonly kind: 'returned'; readonly reason: string }
  | { readonly kind: 'lost'; readonly reason: string }
  | { readonly kind: 'unpublishable'; readonly reason: string };

export type ConnectionState = 'connecting' | 'connected' | 'blocked' | 'closed';

/**
 * Publishes with confirms.
 *
 * - `publish` never rejects, and always settles within the confirm timeout of the adapter.
 * - Messages with one ordering key are offered to the broker in the order of the calls. Order across a failure is the
 *   caller's business: it must not offer a successor before the outcome is `confirmed`.
 * - The adapter reconnects by itself, for ever, with backoff and jitter, and declares the topology again each time.
 */
export interface Publisher {
  publish(publication: Publication): Promise<PublishOutcome>;
  readonly state: ConnectionState;
  /**
   * Resolves when publishing makes sense (`connected`), or the signal aborts. Never rejects. Once closed, only the
   * signal ends it.
   */
  whenReady(signal: AbortSignal): Promise<void>;
  /** Declares the topology again, after a return showed that it is missing. Never rejects. */
  redeclare(): Promise<void>;
}

export interface Delivery extends BrokerMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly redelivered: boolean;
  /**
   * Settles this delivery, exactly once; later calls do nothing. After a lost connection they do nothing either:
   * the broker delivers the message again. Calls reach the broker in order.
   */
  ack(): void;
  /** Gives it back (`requeue`) or lets the queue's dead-letter exchange have it. */
  nack(requeue: boolean): void;
}

export interface Subscription {
  /** No delivery starts after this resolves; those under way may still be settled. Twice is fine. */
  cancel(): Promise<void>;
}

export interface Subscriber {
  /**
   * Hands the queue's messages to `onDelivery`, at most `prefetch` unsettled at a time, in queue order. Subscribes
   * again by itself after a reconnect, with unsettled messages delivered anew. A throw from `onDelivery` is logged,
   * and the message requeued. While the broker is away, this waits for it. Rejects with `BrokerFailure` when the
   * queue does not exist, or the broker is closed.
   */
  subscribe(
    queue: string,
    options: { readonly prefetch: number },
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Subscription>;
  /**
   * Hands everything that reaches a fanout exchange from now on to `onMessage`, through a queue of this connection's
   * own that goes with it: what is published while the broker is away is missed, so it can be no more than a hint.
   * Each message is done with when it is handed over; a throw is logged. Waits and rejects as `subscribe` does.
   */
  listen(exchange: ExchangeName, onMessage: (message: BrokerMessage) => void): Promise<Subscription>;
}

/**
 * A message broker: exchanges, bindings and queues with the semantics of RabbitMQ. `close` cancels subscriptions,
 * waits a bounded time for outstanding confirms, then settles them as `lost`. Closing twice is fine.
 */
export interface Broker extends Publisher, Subscriber {
  close(): Promise<void>;
}

export class BrokerFailure extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BrokerFailure';
  }
}

export interface ExchangeDeclaration {
  readonly name: string;
  readonly type: 'topic' | 'direct' | 'fanout' | 'headers';
}

export interface QueueDeclaration {
  readonly name: string;
  readonly arguments: Readonly<Record<string, string | number | boolean>>;
}

export interface BindingDeclaration {
  readonly source: string;
  readonly destination: string;
  readonly destinationType: 'queue' | 'exchange';
  readonly routingKey: string;
  readonly arguments: Readonly<Record<string, string>>;
}

/** What a broker must have before anybody publishes or consumes. Names carry the prefix already. */
export interface Topology {
  readonly exchanges: readonly ExchangeDeclaration[];
  readonly queues: readonly QueueDeclaration[];
  readonly bindings: readonly BindingDeclaration[];
  /** The full name of each exchange of the contract. */
  readonly exchangeNames: Readonly<Record<ExchangeName, string>>;
}
