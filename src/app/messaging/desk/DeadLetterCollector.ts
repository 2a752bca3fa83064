import type { Delivery, Subscriber, Subscription } from '../../../ports/broker.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { DeadLetterDesk } from '../../../ports/deadLetters.ts';
import type { Ids } from '../../../ports/ids.ts';
import type { Logger } from '../../../ports/logger.ts';
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
}

const prefetch = 200;
/** Between attempts while the database does not take them; the deliveries stay unacked meanwhile. */
const outageMs = 500;

/** Moves dead letters from their queue into the database: kept first, then acked, so none is lost on the way. */
export class DeadLetterCollector {
  readonly #options: DeadLetterCollectorOptions;
  readonly #stopping = new AbortController();
  #found: Delivery[] = [];
  #collecting: Promise<void> | null = null;
  #subscription: Subscription | null = null;

  constructor(options: DeadLetterCollectorOptions) {
    this.#options = options;
  }

  /** Resolves once it is subscribed, which may be long after the call: the broker may be away. */
  async start(): Promise<void> {
    const { subscriber, queue } = this.#options;
    const subscription = await subscriber.subscribe(deadQueueOf(queue), { prefetch }, (delivery) => {
      this.#found.push(delivery);
      this.#collecting ??= this.#collect();
    });
    this.#subscription = subscription;
    if (this.#stopping.signal.aborted) await subscription.cancel();
  }

  /** What is not kept by then stays in the queue. */
  async stop(): Promise<void> {
    await this.#subscription?.cancel();
    this.#stopping.abort();
    await this.#collecting;
  }

  async #collect(): Promise<void> {
    const { clock, logger, queue } = this.#options;
    // Those that arrive together are kept together.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#found.length > 0) {
      const batch = this.#found;
      this.#found = [];
      try {
        await this.#keep(batch);
        for (const delivery of batch) delivery.ack();
      } catch (err) {
        if (this.#stopping.signal.aborted) break;
        this.#found = [...batch, ...this.#found];
        logger.warn({ err, queue }, 'dead letters could not be kept; trying again');
        await clock.sleep(outageMs, this.#stopping.signal);
      }
    }
    this.#collecting = null;
  }

  async #keep(batch: readonly Delivery[]): Promise<void> {
    const { desk, queue, ids, clock } = this.#options;
    await desk.keep(batch.map((delivery) => readDeadLetter(delivery, queue, ids, clock.now())));
  }
}
