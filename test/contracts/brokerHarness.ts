import { expect, it } from 'vitest';
import type {
  Broker,
  Delivery,
  Publication,
  PublishOutcome,
  Subscription,
  Topology,
} from '../../src/ports/broker.ts';
import { eventually } from '../support/eventually.ts';
import type { LogEntry } from '../support/recordingLogger.ts';

/** What an adapter's broker may lack, each with the reason; its tests are skipped, and say so. */
export type BrokerFeature =
  | 'confirms when the message is in its queues'
  | 'confirms when the message is consumed';

export interface BrokerFeatures {
  readonly missing: Readonly<Partial<Record<BrokerFeature, string>>>;
}

/** One broker under test, and the hands that make it suffer. */
export interface BrokerUnderTest {
  readonly broker: Broker;
  readonly log: readonly LogEntry[];
  /** A further connection to the same queues. */
  connectAnother(): Promise<Broker>;
  /** Breaks the connections; the broker is away until `comeBack`. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  block(): Promise<void>;
  unblock(): Promise<void>;
  /** From now on the broker's answers do not reach the publisher. */
  loseConfirms(): Promise<void>;
  deleteQueue(name: string): Promise<void>;
  /** Closes all connections and removes what was declared. */
  dispose(): Promise<void>;
}

/** Ready to publish. A confirm that does not come makes a publication `lost` after `confirmTimeoutMs`. */
export type BrokerMaker = (
  topology: Topology,
  options: { readonly confirmTimeoutMs: number },
) => Promise<BrokerUnderTest>;

export const itWith = (
  features: BrokerFeatures,
  feature: BrokerFeature,
  title: string,
  test: () => Promise<void>,
): void => {
  const reason = features.missing[feature];
  if (reason === undefined) it(title, test);
  else it.skip(`${title} (skipped: ${reason})`, test);
};

let messages = 0;

export const publication = (given: Partial<Publication> = {}): Publication => {
  messages += 1;
  return {
    id: `message-${messages}`,
    type: 'orderflow.order.placed.v1',
    contentType: 'application/cloudevents+json',
    payload: `{"number":${messages}}`,
    timestamp: 1_790_000_000_000,
    headers: {},
    exchange: 'events',
    routingKey: 'order.placed',
    mandatory: false,
    orderingKey: 'one',
    ...given,
  };
};

/** A consumer that keeps what it gets, and leaves it unsettled unless told otherwise. */
export interface Collector {
  readonly deliveries: Delivery[];
  readonly ids: () => readonly string[];
  readonly subscription: Subscription;
  /** Waits until there are at least this many. */
  readonly has: (count: number) => Promise<readonly Delivery[]>;
}

export const collect = async (
  broker: Broker,
  queue: string,
  options: { readonly prefetch?: number; readonly settle?: (delivery: Delivery) => void } = {},
): Promise<Collector> => {
  const deliveries: Delivery[] = [];
  const subscription = await broker.subscribe(queue, { prefetch: options.prefetch ?? 1000 }, (delivery) => {
    deliveries.push(delivery);
    options.settle?.(delivery);
  });
  return {
    deliveries,
    subscription,
    ids: () => deliveries.map((delivery) => delivery.id),
    has: (count) =>
      eventually(() => {
        expect(deliveries.length).toBeGreaterThanOrEqual(count);
        return deliveries;
      }),
  };
};

export const ack = (delivery: Delivery): void => delivery.ack();

export const kinds = async (outcomes: readonly Promise<PublishOutcome>[]): Promise<readonly string[]> =>
  (await Promise.all(outcomes)).map((outcome) => outcome.kind);
