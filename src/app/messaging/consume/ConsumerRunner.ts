import type { BrokerMessage, Delivery, Subscriber, Subscription } from '../../../ports/broker.ts';
import type { InboxReader, WaitingMessage } from '../../../ports/inbox.ts';
import { Attempts, type AttemptsOptions, Stopped } from './Attempts.ts';
import { type IncomingMessage, readEnvelope, unreadable } from './incomingMessage.ts';
import type { Attempt } from './messageHandler.ts';
import type { Verdict } from './messageWork.ts';
import { Refusals } from './Refusals.ts';
import { type Cause, StoreFeed } from './StoreFeed.ts';

export interface ConsumerRunnerOptions extends AttemptsOptions {
  readonly subscriber: Subscriber;
  /** False where the broker forgets with the process what it delivered: `redelivered` says nothing then. */
  readonly knowsRedelivered: boolean;
  readonly inbox: InboxReader;
  readonly prefetch: number;
}

/**
 * Runs one consumer: messages of its queue, and those the store keeps for it, each through its order gate. Every
 * message is acked once its fate is durable: handled, kept for later, or set aside. A database that does not answer
 * is no failure of a message; it is tried again, unacked, until the runner stops. What may have ended a process
 * before is handled alone.
 */
export class ConsumerRunner {
  readonly #options: ConsumerRunnerOptions;
  readonly #attempts: Attempts;
  readonly #store: StoreFeed;
  readonly #stopping = new AbortController();
  readonly #inHand = new Set<Promise<void>>();
  readonly #refusals = new Refusals();
  #subscription: Subscription | null = null;

  constructor(options: ConsumerRunnerOptions) {
    const { handler, inbox, clock, logger } = options;
    this.#options = options;
    this.#attempts = new Attempts(options, this.#stopping.signal);
    this.#store = new StoreFeed({
      consumer: handler.consumer,
      inbox,
      clock,
      logger,
      handle: (row, cause) => this.#handleKept(row, cause),
    });
  }

  /** The queue's full name. */
  get queue(): string {
    return this.#options.handler.queue;
  }

  /**
   * Resolves once it is subscribed, which may be long after the call: the database or the broker may be away. Rejects
   * with `BrokerFailure` when the queue does not exist, or the broker was closed first.
   */
  async start(): Promise<void> {
    const { subscriber, handler, prefetch, watch } = this.#options;
    // First, so that a death is seen, and that of others known, before there is anything in hand.
    await watch.start();
    if (this.#stopping.signal.aborted) return;
    this.#store.start();
    const subscription = await subscriber.subscribe(handler.queue, { prefetch }, (delivery) =>
      this.#take(delivery),
    );
    this.#subscription = subscription;
    // Subscribing waits for a broker that is away; the runner may have been stopped meanwhile.
    if (this.#stopping.signal.aborted) await subscription.cancel();
  }

  /** Takes nothing new, and resolves when every message in hand is acked or, with the database away, given up. */
  async stop(): Promise<void> {
    await this.#subscription?.cancel();
    this.#stopping.abort();
    await this.#store.stop();
    while (this.#inHand.size > 0) await Promise.all(this.#inHand);
  }

  #take(delivery: Delivery): void {
    const taken: Promise<void> = this.#settle(delivery).finally(() => this.#inHand.delete(taken));
    this.#inHand.add(taken);
  }

  async #settle(delivery: Delivery): Promise<void> {
    try {
      this.#after(await this.#receive(delivery));
      this.#refusals.forget(delivery.id);
      delivery.ack();
    } catch (err) {
      if (err instanceof Stopped) return; // unacked: it comes again, to whoever runs then
      await this.#regret(err, 'a message could not even be kept; it is requeued', { id: delivery.id });
      delivery.nack(true);
    }
  }

  #receive(delivery: Delivery): Promise<Verdict> {
    const { handler, watch, ids, knowsRedelivered } = this.#options;
    const raw = rawOf(delivery);
    const origin = isSet(raw, 'x-orderflow-redrive') ? 'redrive' : 'broker';
    let message: IncomingMessage;
    try {
      message = readEnvelope(raw);
    } catch (error) {
      return this.#attempts.refuse({ handler, message: unreadable(raw, ids), origin }, error);
    }
    if (isSet(raw, 'x-orderflow-discard'))
      return this.#attempts.discard({ handler, message, origin: 'redrive' });
    const attempt: Attempt = { handler, message, origin };
    const arrival = watch.mark();
    // It was in somebody's hands before: perhaps it is what ended them.
    if (knowsRedelivered && delivery.redelivered) return this.#handleSuspect(attempt, arrival);
    return !knowsRedelivered && watch.mayHaveDied(arrival, Date.parse(message.time))
      ? this.#attempts.handleCarefully(attempt, arrival)
      : this.#attempts.handle(attempt);
  }

  /** With care if a process may have died of it since `after`. */
  async #handleSuspect(attempt: Attempt, arrival: number, after?: number): Promise<Verdict> {
    const { watch } = this.#options;
    await watch.looked(arrival);
    return watch.mayHaveDied(arrival, after)
      ? this.#attempts.handleCarefully(attempt, arrival)
      : this.#attempts.handle(attempt);
  }

  async #handleKept(row: WaitingMessage, cause: Cause): Promise<'done' | 'waits'> {
    const { messageId: id, source } = row;
    try {
      const message = readEnvelope(JSON.parse(row.message) as BrokerMessage);
      const attempt: Attempt = {
        handler: this.#options.handler,
        message,
        origin: 'store',
        tried: row.attempts,
      };
      const verdict = await this.#handleRow(attempt, row, cause);
      this.#after(verdict);
      this.#refusals.forget(id);
      return verdict.kind === 'kept' ? 'waits' : 'done';
    } catch (err) {
      if (!(err instanceof Stopped))
        await this.#regret(err, 'a kept message could not be handled', { id, source });
      return 'done';
    }
  }

  /** What is found in the store may be what a process died of; what a predecessor has just freed is not. */
  #handleRow(attempt: Attempt, { state, dueAt }: WaitingMessage, cause: Cause): Promise<Verdict> {
    // It was to be passed by before its turn had come.
    if (isSet(attempt.message.raw, 'x-orderflow-discard')) return this.#attempts.discard(attempt);
    // A start that is not known to have ended.
    if (state === 'started') return this.#attempts.handleCarefully(attempt, null);
    if (cause === 'freed') return this.#attempts.handle(attempt);
    return this.#handleSuspect(attempt, this.#options.watch.mark(), dueAt);
  }

  async #regret(
    err: unknown,
    what: string,
    message: { readonly id: string; readonly source?: string },
  ): Promise<void> {
    const { handler, logger, clock, random = Math.random } = this.#options;
    const retryMs = this.#refusals.count(message.id, random);
    logger.error({ err, consumer: handler.consumer, ...message, retryMs }, what);
    await clock.sleep(retryMs, this.#stopping.signal);
  }

  /** Those that waited behind the message follow. */
  #after(verdict: Verdict): void {
    if (verdict.kind === 'handled') this.#store.free(verdict.successors);
    if (verdict.kind === 'kept' && verdict.dueAt !== undefined) this.#store.expect(verdict.dueAt);
  }
}

const rawOf = ({ id, type, contentType, payload, timestamp, headers }: Delivery): BrokerMessage => ({
  id,
  type,
  contentType,
  payload,
  timestamp,
  headers,
});

/** Our own outbox writes header values as text; others may send a boolean. */
const isSet = ({ headers }: BrokerMessage, name: string): boolean =>
  headers[name] === true || headers[name] === 'true';
