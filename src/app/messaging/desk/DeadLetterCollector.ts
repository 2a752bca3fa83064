import {
  type Delivery,
  maxReturnedBytes,
  type Subscriber,
  type Subscription,
} from '../../../ports/broker.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { DeadLetterDesk, FoundDeadLetter } from '../../../ports/deadLetters.ts';
import type { Ids } from '../../../ports/ids.ts';
import type { Logger } from '../../../ports/logger.ts';
import { CommitUnknown, StoreUnavailable, TransactionConflict } from '../../../ports/unitOfWork.ts';
import { deadQueueOf } from '../topology.ts';
import { readDeadLetter } from './readDeadLetter.ts';

export interface DeadLetterCollectorOptions {
  /** The work queue whose dead letters are collected; its full name. */
  readonly queue: string;
  readonly subscriber: Subscriber;
  readonly desk: Pick<DeadLetterDesk, 'keep'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** A letter that cannot be read, or that the database refuses, is tried again after so long; 30 s by default. */
  readonly refusedMs?: number;
}

interface Found {
  readonly delivery: Delivery;
  readonly letter: FoundDeadLetter;
}

const prefetch = 200;
/** Between attempts while the database does not take them; the deliveries stay unacked meanwhile. */
const outageMs = 500;

/** Moves dead letters from their queue into the database: kept first, then acked, so none is lost on the way. */
export class DeadLetterCollector {
  readonly #options: DeadLetterCollectorOptions;
  readonly #stopping = new AbortController();
  #found: Found[] = [];
  #collecting: Promise<void> | null = null;
  #subscription: Subscription | null = null;

  constructor(options: DeadLetterCollectorOptions) {
    this.#options = options;
  }

  /** Resolves once it is subscribed, which may be long after the call: the broker may be away. */
  async start(): Promise<void> {
    const { subscriber, queue } = this.#options;
    const subscription = await subscriber.subscribe(deadQueueOf(queue), { prefetch }, (delivery) =>
      this.#take(delivery),
    );
    this.#subscription = subscription;
    if (this.#stopping.signal.aborted) await subscription.cancel();
  }

  /** What is not kept by then stays in the queue. */
  async stop(): Promise<void> {
    await this.#subscription?.cancel();
    this.#stopping.abort();
    await this.#collecting;
  }

  /** What cannot be read, for a reason that nobody thought of, must not hold up the others. */
  #take(delivery: Delivery): void {
    const { queue, ids, clock, logger } = this.#options;
    try {
      const letter = readDeadLetter(delivery, queue, ids, clock.now(), maxReturnedBytes);
      this.#found.push({ delivery, letter });
    } catch (err) {
      logger.error(
        { err, queue, letter: delivery.id },
        'a dead letter cannot be read; it stays in its queue',
      );
      void this.#giveBackLater(delivery);
      return;
    }
    this.#collecting ??= this.#collect();
  }

  async #collect(): Promise<void> {
    // Those that arrive together are kept together.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#found.length > 0 && !this.#stopping.signal.aborted) {
      const batch = this.#found;
      this.#found = [];
      if (await this.#settle(batch)) continue;
      // A neighbour may be what the database refuses.
      for (const one of batch) if (!(await this.#settle([one]))) void this.#giveBackLater(one.delivery);
    }
    this.#collecting = null;
  }

  /** Keeps the letters and acks them; false when the database refuses them. Waits for a database that is away. */
  async #settle(batch: readonly Found[]): Promise<boolean> {
    const { desk, queue, clock, logger } = this.#options;
    const letters = batch.map(({ letter }) => letter);
    while (!this.#stopping.signal.aborted) {
      try {
        await desk.keep(letters);
        for (const { delivery } of batch) delivery.ack();
        return true;
      } catch (err) {
        if (!passes(err)) {
          logger.error(
            { err, queue, letters: letters.map(({ messageId }) => messageId) },
            'the database refuses dead letters',
          );
          return false;
        }
        logger.warn({ err, queue }, 'dead letters could not be kept; trying again');
        await clock.sleep(outageMs, this.#stopping.signal);
      }
    }
    return true;
  }

  /** It stays in the queue until somebody mends what is wrong; meanwhile it is tried again, seldom. */
  async #giveBackLater(delivery: Delivery): Promise<void> {
    const { clock, refusedMs = 30_000 } = this.#options;
    await clock.sleep(refusedMs, this.#stopping.signal);
    delivery.nack(true);
  }
}

/** Not the letters' fault. */
const passes = (error: unknown): boolean =>
  error instanceof StoreUnavailable || error instanceof CommitUnknown || error instanceof TransactionConflict;
