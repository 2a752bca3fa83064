import { maxReturnedBytes } from '../../../ports/broker.ts';
import type { Clock } from '../../../ports/clock.ts';
import { Overloaded } from '../../../ports/commands.ts';
import type { Ids } from '../../../ports/ids.ts';
import type { Logger } from '../../../ports/logger.ts';
import { StoreUnavailable } from '../../../ports/unitOfWork.ts';
import type { WritePipeline } from '../../commands/WritePipeline.ts';
import type { Participant, Work } from '../../commands/work.ts';
import type { CarefulLane, Rest } from './CarefulLane.ts';
import type { DeathWatch } from './DeathWatch.ts';
import type { LetterOptions } from './deadLetter.ts';
import type { GateBook, GateItem } from './GateBook.ts';
import { type IncomingMessage, PermanentFailure } from './incomingMessage.ts';
import type { Attempt, MessageHandler } from './messageHandler.ts';
import {
  claimWork,
  discardWork,
  failureWork,
  handleWork,
  startWork,
  unreadableWork,
  type Verdict,
} from './messageWork.ts';
import { defaultRetryPolicy, type RetryPolicy } from './retryPolicy.ts';

export interface AttemptsOptions {
  readonly handler: MessageHandler;
  readonly pipeline: WritePipeline;
  readonly gates: Participant<GateItem, GateBook>;
  /** Of the consumer's database; the runner starts it, whoever stops all its consumers stops it. */
  readonly watch: DeathWatch;
  /** Of the process. */
  readonly lane: CarefulLane;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** An attempt that takes longer has failed. */
  readonly handlerTimeoutMs: number;
  readonly retryPolicy?: RetryPolicy;
  /** The largest payload that a broker takes back; `maxReturnedBytes` by default. */
  readonly maxLetterBytes?: number;
  readonly random?: () => number;
}

/** Between tries while the database does not answer. */
const outageMs = 250;

/**
 * What one consumer does with one message, until its fate is durable. A database that is away is waited for; every
 * method rejects with `Stopped` when the consumer stops first.
 */
export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #policy: RetryPolicy;
  readonly #letters: LetterOptions;
  readonly #stopping: AbortSignal;

  constructor(options: AttemptsOptions, stopping: AbortSignal) {
    this.#options = options;
    this.#policy = options.retryPolicy ?? defaultRetryPolicy;
    this.#letters = { ids: options.ids, maxBytes: options.maxLetterBytes ?? maxReturnedBytes };
    this.#stopping = stopping;
  }

  /**
   * With its start recorded, so that the message that kills the process can be told: in a small group, or alone where
   * it was in hand when a process died (`arrival` is null). Where it turns out while it waits that nobody died before
   * its arrival (a mark of the watch), it is like any other.
   */
  handleCarefully(attempt: Attempt, arrival: number | null): Promise<Verdict> {
    const { lane, watch } = this.#options;
    const { consumer } = attempt.handler;
    const { tenant, source } = attempt.message;
    return lane.run(`${consumer}\n${tenant}\n${source}`, arrival === null, async () => {
      if (arrival !== null && !watch.mayHaveDied(arrival)) return () => this.handle(attempt);
      return this.#begin(attempt);
    });
  }

  /** Records the start, and returns what follows. */
  async #begin(attempt: Attempt): Promise<Rest> {
    const { gates, clock, logger, handlerTimeoutMs } = this.#options;
    const holdMs = 2 * handlerTimeoutMs;
    const start = startWork(gates, attempt, this.#policy, clock.now, holdMs, this.#letters);
    const verdict = await this.#submit(start);
    // The store has it now, whatever becomes of the delivery.
    if (verdict === null) return () => this.#handle({ ...attempt, origin: 'store' });
    if (verdict.kind === 'dead')
      logger.error(identityOf(attempt), 'a message that kills the process is set aside');
    return async () => verdict;
  }

  /** What is repeated and prepared is claimed first: others find it due as well, and preparing may have effects. */
  async handle(attempt: Attempt): Promise<Verdict> {
    const { gates, clock, handler, handlerTimeoutMs } = this.#options;
    if (handler.prepare === undefined || !attempt.tried) return this.#handle(attempt);
    const elsewhere = await this.#submit(claimWork(gates, attempt, clock.now, 2 * handlerTimeoutMs));
    return elsewhere ?? this.#handle(attempt);
  }

  /** An attempt that fails is recorded as such. */
  async #handle(attempt: Attempt): Promise<Verdict> {
    const { gates, clock, handler, logger } = this.#options;
    try {
      const prepared = handler.prepare && (await this.#prepare(handler.prepare, attempt.message));
      const verdict = await this.#submit(handleWork(gates, attempt, prepared, clock.now));
      if (verdict.kind === 'handled') logger.debug(identityOf(attempt), 'a message was handled');
      return verdict;
    } catch (error) {
      if (error instanceof Stopped) throw error;
      return this.#fail(attempt, error);
    }
  }

  async #prepare(prepare: Prepare, message: IncomingMessage): Promise<unknown> {
    const { clock, handlerTimeoutMs } = this.#options;
    const ended = new AbortController();
    const preparing = prepare(message, ended.signal);
    if (preparing === undefined) return undefined;
    const timeout = clock.sleep(handlerTimeoutMs, ended.signal).then(() => {
      throw new Error(`the handler took longer than ${handlerTimeoutMs} ms`);
    });
    timeout.catch(() => undefined);
    try {
      return await Promise.race([preparing, timeout]);
    } finally {
      ended.abort(attemptIsOver);
    }
  }

  async #fail(attempt: Attempt, failure: unknown): Promise<Verdict> {
    const { gates, clock, logger, random = Math.random } = this.#options;
    const permanent = failure instanceof PermanentFailure;
    const recorded = { error: textOf(failure), permanent };
    const work = failureWork(gates, attempt, recorded, this.#policy, clock.now, random, this.#letters);
    const verdict = await this.#submit(work);
    const fields = { err: failure, ...identityOf(attempt) };
    if (verdict.kind === 'dead')
      logger.error(fields, 'a message was set aside: it is dead until it is redriven');
    else if (verdict.kind === 'kept')
      logger.warn(fields, 'a message could not be handled; it is tried again later');
    return verdict;
  }

  /** Sets aside a message that cannot be read. */
  async refuse(attempt: Attempt, failure: unknown): Promise<Verdict> {
    const { gates, clock, logger } = this.#options;
    const work = unreadableWork(gates, attempt, textOf(failure), clock.now, this.#letters);
    const verdict = await this.#submit(work);
    if (verdict.kind === 'dead')
      logger.error({ err: failure, ...identityOf(attempt) }, 'a message that cannot be read is set aside');
    return verdict;
  }

  /** Lets the gate pass a dead message by. */
  discard(attempt: Attempt): Promise<Verdict> {
    return this.#submit(discardWork(this.#options.gates, attempt, this.#options.clock.now));
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
        if (this.#stopping.aborted) throw new Stopped();
        await this.#options.clock.sleep(outageMs, this.#stopping);
      }
    }
  }
}

/** Made once: an abort without a reason makes an error, and its stack trace, each time. */
const attemptIsOver = new Error('the attempt is over');

type Prepare = NonNullable<MessageHandler['prepare']>;

/** The runner stops while the database is away: the message stays unacked and comes again. */
export class Stopped extends Error {}

const textOf = (failure: unknown): string => (failure instanceof Error ? failure.message : String(failure));

/** What a log line says of a message: by its correlation id, all lines that follow from one request can be found. */
const identityOf = ({ handler, message: { id, source, type, correlationId } }: Attempt) => ({
  consumer: handler.consumer,
  id,
  source,
  type,
  correlationId,
});
