import { randomUUID } from 'node:crypto';
import {
  type Broker,
  BrokerFailure,
  type BrokerMessage,
  type ConnectionState,
  type Delivery,
  type Publication,
  type PublishOutcome,
  type Subscription,
  type Topology,
} from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { ExchangeName } from '../../ports/outbox.ts';
import { ReadyGate } from '../publishing/ReadyGate.ts';
import { whyUnpublishable } from '../publishing/whyUnpublishable.ts';
import { BrokerServer } from './BrokerServer.ts';
import { ConfirmFaults } from './ConfirmFaults.ts';
import { MemoryPublisher } from './MemoryPublisher.ts';
import { MemorySubscription, type SubscriptionContext } from './MemorySubscription.ts';
import { type Schedule, scheduleByTurns, Wire } from './Wire.ts';

export interface InMemoryBrokerOptions {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * `on-enqueue` confirms as RabbitMQ does: the message is in its queues. `on-consumed` confirms when every queue it
   * reached has had it acked, dead letters included, so that an outbox in front of it survives a crash.
   */
  readonly confirm: 'on-enqueue' | 'on-consumed';
  /** Default 10 s, or 60 s with `on-consumed`, where the consumers' work is part of the wait. */
  readonly confirmTimeoutMs?: number;
  /** How long `close` waits for outstanding confirms. Default 1 s. */
  readonly closeTimeoutMs?: number;
  /** Share one server to have several connections to the same queues. */
  readonly server?: BrokerServer;
  /** Owns the order of everything that happens; the default is turns of the event loop. */
  readonly schedule?: Schedule;
}

/** One connection to a broker that lives in this process. Its methods beyond `Broker` make it fail on purpose. */
export class InMemoryBroker implements Broker {
  /** Makes confirms fail, deterministically. */
  readonly faults: ConfirmFaults;
  readonly server: BrokerServer;
  private readonly options: InMemoryBrokerOptions;
  private readonly gate = new ReadyGate();
  private readonly publisher: MemoryPublisher;
  private readonly subscriptions = new Set<MemorySubscription>();
  /** What `listen` made, by the queue's name: gone with the connection, and declared again with it. */
  private readonly ownQueues = new Map<string, OwnQueue>();
  private readonly context: SubscriptionContext;
  private reconnected = Promise.withResolvers<void>();

  /** Throws `BrokerFailure` when the shared server holds parts of the topology in another shape. */
  constructor(options: InMemoryBrokerOptions) {
    const { clock, logger, topology } = options;
    const schedule = options.schedule ?? scheduleByTurns();
    this.options = options;
    this.server = options.server ?? new BrokerServer(clock);
    this.server.declare(topology);
    this.faults = new ConfirmFaults(clock, schedule);
    const { server, faults } = this;
    const { confirm } = options;
    const confirmTimeoutMs = options.confirmTimeoutMs ?? (confirm === 'on-consumed' ? 60_000 : 10_000);
    const publishing = { server, topology, clock, schedule, faults, confirm, confirmTimeoutMs };
    this.publisher = new MemoryPublisher(publishing);
    this.context = {
      server,
      logger,
      schedule,
      toBroker: new Wire(schedule),
      onQueueGone: (subscription) => this.restore(subscription),
    };
    this.gate.set('connected');
  }

  get state(): ConnectionState {
    return this.gate.state;
  }

  whenReady(signal: AbortSignal): Promise<void> {
    return this.gate.whenReady(signal);
  }

  publish(publication: Publication): Promise<PublishOutcome> {
    const unpublishable = whyUnpublishable(publication);
    if (unpublishable !== undefined) {
      return Promise.resolve({ kind: 'unpublishable', reason: unpublishable });
    }
    if (this.state !== 'connected') {
      return Promise.resolve({ kind: 'lost', reason: `the broker connection is ${this.state}` });
    }
    return this.publisher.publish(publication);
  }

  async redeclare(): Promise<void> {
    try {
      this.server.declare(this.options.topology);
    } catch (error) {
      this.options.logger.error({ err: error }, 'the broker topology cannot be declared');
    }
  }

  async subscribe(
    queue: string,
    { prefetch }: { readonly prefetch: number },
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Subscription> {
    await this.whenConnected();
    const subscription = new MemorySubscription(queue, prefetch, onDelivery, this.context);
    subscription.attach();
    this.subscriptions.add(subscription);
    return subscription;
  }

  async listen(exchange: ExchangeName, onMessage: (message: BrokerMessage) => void): Promise<Subscription> {
    await this.whenConnected();
    const own = ownQueue(this.options.topology.exchangeNames[exchange]);
    this.server.declare(own.topology);
    this.ownQueues.set(own.name, own.topology);
    const subscription = await this.subscribe(own.name, { prefetch: 0 }, (delivery) => {
      delivery.ack();
      onMessage(delivery);
    });
    const cancel = async (): Promise<void> => {
      await subscription.cancel();
      this.ownQueues.delete(own.name);
      this.server.deleteQueue(own.name);
    };
    return { cancel };
  }

  /** The connections break, and stay away until `reconnect`. What was under way is lost, in both directions. */
  disconnect(): void {
    if (this.state === 'closed') return;
    this.gate.set('connecting');
    this.cut('the connection broke');
  }

  reconnect(): void {
    if (this.state !== 'connecting') return;
    this.gate.set('connected');
    for (const subscription of this.subscriptions) this.restore(subscription);
    this.reconnected.resolve();
    this.reconnected = Promise.withResolvers();
  }

  /** The broker stops reading from publishers, as under a memory alarm; consumers go on. */
  block(): void {
    if (this.state !== 'connected') return;
    this.gate.set('blocked');
    this.publisher.pause();
  }

  unblock(): void {
    if (this.state !== 'blocked') return;
    this.publisher.resume();
    this.gate.set('connected');
  }

  async close(): Promise<void> {
    if (this.state === 'closed') return;
    const deadline = new AbortController();
    const timeout = this.options.clock.sleep(this.options.closeTimeoutMs ?? 1000, deadline.signal);
    this.gate.set('closed');
    const cancelled = Promise.all([...this.subscriptions].map((subscription) => subscription.cancel()));
    await Promise.race([Promise.all([cancelled, this.publisher.confirms.whenEmpty()]), timeout]);
    deadline.abort();
    this.cut('the broker connection was closed');
    this.reconnected.resolve();
  }

  private cut(reason: string): void {
    this.publisher.cut(reason);
    this.context.toBroker.cut();
    // All leave before any gives back, else a message would go to a consumer that is about to leave as well.
    for (const subscription of this.subscriptions) subscription.leave();
    for (const subscription of this.subscriptions) subscription.giveBack();
    for (const name of this.ownQueues.keys()) this.server.deleteQueue(name);
    this.forgetFinished();
  }

  private async whenConnected(): Promise<void> {
    while (this.state === 'connecting') await this.reconnected.promise;
    if (this.state === 'closed') throw new BrokerFailure('the broker connection is closed');
    this.forgetFinished();
  }

  private restore(subscription: MemorySubscription): void {
    if (this.state === 'closed' || this.state === 'connecting') return;
    try {
      this.server.declare(this.options.topology);
      for (const topology of this.ownQueues.values()) this.server.declare(topology);
      subscription.attach();
    } catch (error) {
      this.options.logger.error({ err: error }, 'a subscription cannot be restored');
    }
  }

  private forgetFinished(): void {
    for (const subscription of this.subscriptions) {
      if (subscription.finished) this.subscriptions.delete(subscription);
    }
  }
}

type OwnQueue = Pick<Topology, 'exchanges' | 'queues' | 'bindings'>;

/** A queue that nobody else knows of, bound to an exchange that is there already. */
const ownQueue = (exchange: string): { readonly name: string; readonly topology: OwnQueue } => {
  const name = `amq.gen-${randomUUID()}`;
  const binding = { source: exchange, destination: name, destinationType: 'queue', routingKey: '' } as const;
  return {
    name,
    topology: {
      exchanges: [],
      queues: [{ name, arguments: {} }],
      bindings: [{ ...binding, arguments: {} }],
    },
  };
};
