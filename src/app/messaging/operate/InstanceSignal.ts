import type { Publisher, Subscriber, Subscription } from '../../../ports/broker.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Ids } from '../../../ports/ids.ts';
import type { Logger } from '../../../ports/logger.ts';
import { encodeTask } from '../envelope.ts';

export interface InstanceSignalOptions {
  readonly broker: Pick<Publisher, 'publish'> & Pick<Subscriber, 'listen'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

const type = 'orderflow.instances.look.v1';

/**
 * Tells every running instance, this one included, to look at the database now. It carries no data, for the database
 * is the truth; and whoever waits for it looks by itself every now and then, for a hint may be lost.
 */
export class InstanceSignal {
  readonly #options: InstanceSignalOptions;
  readonly #listeners = new Set<() => void>();
  #subscription: Subscription | null = null;
  #stopped = false;

  constructor(options: InstanceSignalOptions) {
    this.#options = options;
  }

  onSignal(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Resolves once it hears of other instances, which may be long after the call: the broker may be away. */
  async start(): Promise<void> {
    this.#subscription = await this.#options.broker.listen('broadcast', () => this.#tell());
    if (this.#stopped) await this.#subscription.cancel();
  }

  announce(): void {
    const { broker, clock, ids, logger } = this.#options;
    this.#tell();
    const id = ids.next();
    const payload = encodeTask({
      id,
      source: '/orderflow/instances',
      type,
      time: new Date(clock.now()).toISOString(),
      data: {},
      correlationId: id,
      causationId: id,
      traceparent: null,
    });
    broker
      .publish({
        id,
        type,
        contentType: 'application/cloudevents+json',
        payload,
        timestamp: clock.now(),
        headers: { type },
        exchange: 'broadcast',
        routingKey: '',
        mandatory: false,
      })
      .then(({ kind }) => {
        if (kind !== 'confirmed')
          logger.debug({ kind }, 'other instances were not told; they look by themselves');
      });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#listeners.clear();
    await this.#subscription?.cancel();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
