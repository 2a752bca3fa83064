import type { BrokerMessage, Delivery, Subscriber, Subscription } from '../../../ports/broker.ts';
import type { Clock } from '../../../ports/clock.ts';
import { Overloaded } from '../../../ports/commands.ts';
import type { Ids } from '../../../ports/ids.ts';
import type { InboxReader, WaitingMessage } from '../../../ports/inbox.ts';
import type { Logger } from '../../../ports/logger.ts';
import { StoreUnavailable } from '../../../ports/unitOfWork.ts';
import type { WritePipeline } from '../../commands/WritePipeline.ts';
import type { Participant, Work } from '../../commands/work.ts';
import { Bell } from '../Bell.ts';
import type { GateBook, GateItem } from './GateBook.ts';
import { type IncomingMessage, isShort, PermanentFailure, readEnvelope } from './incomingMessage.ts';
import type { Attempt, MessageHandler, Origin } from './messageHandler.ts';
import { discardWork, failureWork, handleWork, startWork, type Verdict } from './messageWork.ts';
import { defaultRetryPolicy, type RetryPolicy } from './retryPolicy.ts';

export interface ConsumerRunnerOptions {
  readonly handler: MessageHandler;
  readonly subscriber: Subscriber;
  readonly pipeline: WritePipeline;
  readonly inbox: InboxReader;
  readonly gates: Participant<GateItem, GateBook>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly prefetch: number;
  /** An attempt that takes longer has failed. */
  readonly handlerTimeoutMs: number;
  readonly retryPolicy?: RetryPolicy;
  readonly random?: () => number;
}

/** Handled messages of one queue at a time from the store; each may free others. */
const storePage = 100;
const pollMs = 1_000;
/** Between attempts while the database does not answer; the deliveries stay unacked meanwhile. */
const outageMs = 250;

/**
 * Runs one consumer: messages of its queue, and those the store keeps for it, each through its order gate. Every
 * message is acked once its fate is durable: handled, kept for later, or set aside. A database that does not answer
 * is no failure of a message; it is tried again, unacked, until the runner stops.
 */
export class ConsumerRunner {
  readonly #options: ConsumerRunnerOptions;
  readonly #policy: RetryPolicy;
  readonly #bell: Bell;
  readonly #stopping = new AbortController();
  readonly #inHand = new Set<Promise<void>>();
  /** Messages from the store that are being handled; true when they were freed once more meanwhile. */
  readonly #fromStore = new Map<string, boolean>();
  #careful: Promise<void> = Promise.resolve();
  #subscription: Subscription | null = null;
  #feeding: Promise<void> = Promise.resolve();

  constructor(options: ConsumerRunnerOptions) {
    this.#options = options;
    this.#policy = options.retryPolicy ?? defaultRetryPolicy;
    this.#bell = new Bell(options.clock);
  }

  /**
   * Resolves once it is subscribed, which may be long after the call: the broker may be away. Rejects with
   * `BrokerFailure` when the queue does not exist, or the broker was closed first.
   */
  async start(): Promise<void> {
    const { subscriber, handler, prefetch } = this.#options;
    this.#feeding = this.#feed();
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
    this.#bell.ring();
    await this.#feeding;
    while (this.#inHand.size > 0) await Promise.all(this.#inHand);
  }

  #take(delivery: Delivery): void {
    this.#keep(
      this.#receive(delivery).then(
        () => delivery.ack(),
        async (err: unknown) => {
          if (err instanceof Stopped) return; // unacked: it comes again, to whoever runs then
          const { logger, clock } = this.#options;
          logger.error({ err, id: delivery.id }, 'a message could not even be kept; it is requeued');
          await clock.sleep(outageMs, this.#stopping.signal);
          delivery.nack(true);
        },
      ),
    );
  }

  #keep(work: Promise<void>): void {
    const kept = work.finally(() => this.#inHand.delete(kept));
    this.#inHand.add(kept);
  }

  async #receive(delivery: Delivery): Promise<void> {
    const { handler } = this.#options;
    const raw = rawOf(delivery);
    let message: IncomingMessage;
    try {
      message = readEnvelope(raw);
    } catch (error) {
      return this.#failed({ handler, message: unreadable(raw, this.#options.ids), origin: 'broker' }, error);
    }
    if (isSet(raw, 'x-orderflow-discard')) {
      const attempt: Attempt = { handler, message, origin: 'redrive' };
      this.#after(await this.#submit(discardWork(this.#options.gates, attempt)));
      return;
    }
    const origin: Origin = isSet(raw, 'x-orderflow-redrive') ? 'redrive' : 'broker';
    // It was in somebody's hands before: perhaps it is what ended them.
    return delivery.redelivered
      ? this.#carefully(message, origin)
      : this.#attempt({ handler, message, origin });
  }

  /** One at a time, each with its start recorded, so that the message that kills the process can be told. */
  #carefully(message: IncomingMessage, origin: Origin): Promise<void> {
    const done = this.#careful.then(async () => {
      const { handler, gates, clock, ids, logger, handlerTimeoutMs } = this.#options;
      const attempt = { handler, message, origin };
      const now = clock.now();
      const dueAt = now + 2 * handlerTimeoutMs;
      const verdict = await this.#submit(startWork(gates, attempt, this.#policy, now, dueAt, ids));
      if (verdict === null) return this.#attempt(attempt);
      if (verdict.kind === 'dead') {
        const { id, source, type } = message;
        logger.error(
          { consumer: handler.consumer, id, source, type },
          'a message that kills the process is set aside',
        );
      }
    });
    this.#careful = done.catch(() => undefined);
    return done;
  }

  async #attempt(attempt: Attempt): Promise<void> {
    let verdict: Verdict;
    try {
      const prepared = await this.#prepare(attempt.message);
      verdict = await this.#submit(
        handleWork(this.#options.gates, attempt, prepared, this.#options.clock.now()),
      );
    } catch (error) {
      if (error instanceof Stopped) throw error;
      await this.#failed(attempt, error);
      return;
    }
    this.#after(verdict);
  }

  async #prepare(message: IncomingMessage): Promise<unknown> {
    const { handler, clock, handlerTimeoutMs } = this.#options;
    if (handler.prepare === undefined) return undefined;
    const ended = new AbortController();
    const timeout = clock.sleep(handlerTimeoutMs, ended.signal).then(() => {
      throw new Error(`the handler took longer than ${handlerTimeoutMs} ms`);
    });
    timeout.catch(() => undefined);
    try {
      return await Promise.race([handler.prepare(message, ended.signal), timeout]);
    } finally {
      ended.abort();
    }
  }

  async #failed(attempt: Attempt, failure: unknown): Promise<void> {
    const { gates, clock, logger, ids, random = Math.random } = this.#options;
    const permanent = failure instanceof PermanentFailure;
    const error = failure instanceof Error ? failure.message : String(failure);
    const recorded = { error, permanent };
    const work = failureWork(gates, attempt, recorded, this.#policy, clock.now(), random, ids);
    const verdict = await this.#submit(work);
    const { id, source, type } = attempt.message;
    const fields = { err: failure, consumer: attempt.handler.consumer, id, source, type };
    if (verdict.kind === 'dead')
      logger.error(fields, 'a message was set aside: it is dead until it is redriven');
    else if (verdict.kind === 'kept')
      logger.warn(fields, 'a message could not be handled; it is tried again later');
    this.#bell.ring();
  }

  /** Those that waited behind the message follow. */
  #after(verdict: Verdict): void {
    if (verdict.kind === 'handled') for (const row of verdict.successors) this.#resume(row, 'freed');
  }

  /** Handles a message from the store. Whatever was found there without a cause may have ended a process: with care. */
  #resume(row: WaitingMessage, found: 'freed' | 'found'): void {
    const key = `${row.tenant}\n${row.source}\n${row.sequence}\n${row.messageId}`;
    if (this.#stopping.signal.aborted) return;
    const freedAgain = this.#fromStore.get(key);
    if (freedAgain !== undefined) {
      this.#fromStore.set(key, freedAgain || found === 'freed');
      return;
    }
    this.#fromStore.set(key, false);
    const { logger } = this.#options;
    this.#keep(
      this.#handleKept(row, found)
        .catch((err: unknown) => {
          if (err instanceof Stopped) return;
          logger.error({ err, id: row.messageId, source: row.source }, 'a kept message could not be handled');
        })
        .finally(() => {
          const again = this.#fromStore.get(key) === true;
          this.#fromStore.delete(key);
          if (again) this.#resume(row, 'freed');
        }),
    );
  }

  async #handleKept(row: WaitingMessage, found: 'freed' | 'found'): Promise<void> {
    const { handler } = this.#options;
    const message = readEnvelope(JSON.parse(row.message) as BrokerMessage);
    if (row.state !== 'held' || found === 'found') return this.#carefully(message, 'store');
    return this.#attempt({ handler, message, origin: 'store' });
  }

  /** Wakes what is due in the store, and what was left behind by a process that died. */
  async #feed(): Promise<void> {
    const { inbox, clock, handler, logger } = this.#options;
    let strandedAt = 0;
    while (!this.#stopping.signal.aborted) {
      let restMs = pollMs;
      try {
        const now = clock.now();
        for (const row of await inbox.due(handler.consumer, now, storePage)) this.#resume(row, 'found');
        if (now >= strandedAt) {
          for (const row of await inbox.stranded(handler.consumer, storePage)) this.#resume(row, 'found');
          strandedAt = now + 10 * pollMs;
        }
        const next = await inbox.nextDueAt(handler.consumer);
        if (next !== null) restMs = Math.min(pollMs, Math.max(10, next - clock.now()));
      } catch (err) {
        logger.warn({ err, consumer: handler.consumer }, 'cannot look for messages to retry; trying again');
      }
      await this.#bell.rest(restMs);
    }
  }

  /** Submits until the database answers: its absence is nobody's failure. Throws `Stopped` when the runner stops. */
  async #submit<Outcome>(work: Work<Outcome>): Promise<Outcome> {
    for (;;) {
      try {
        const result = await this.#options.pipeline.submit(work);
        if (result.kind !== 'done') throw new Error('messages carry no idempotency key');
        return result.outcome;
      } catch (error) {
        if (!(error instanceof StoreUnavailable || error instanceof Overloaded)) throw error;
        if (this.#stopping.signal.aborted) throw new Stopped();
        await this.#options.clock.sleep(outageMs, this.#stopping.signal);
      }
    }
  }
}

/** The runner stops while the database is away: the message stays unacked and comes again. */
class Stopped extends Error {}

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

/** What cannot be read has no place in any sequence, and nothing in common with anything else. */
const unreadable = (raw: BrokerMessage, ids: Ids): IncomingMessage => {
  const id = isShort(raw.id, 128) ? raw.id : ids.next();
  return {
    id,
    tenant: 'default',
    type: isShort(raw.type, 128) ? raw.type : 'unreadable',
    source: `/unreadable/${id}`,
    sequence: null,
    time: new Date(raw.timestamp).toISOString(),
    data: null,
    correlationId: id,
    traceparent: null,
    raw,
  };
};
