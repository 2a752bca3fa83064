import { isDeepStrictEqual } from 'node:util';
import {
  type BindingDeclaration,
  BrokerFailure,
  type BrokerMessage,
  type ExchangeDeclaration,
  type QueueDeclaration,
  type Topology,
} from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import { type DeathReason, isAutomaticCycle, withDeath } from './deathHeaders.ts';
import type { Entry, Receipt } from './Entry.ts';
import { MemoryQueue } from './MemoryQueue.ts';
import { queueSettings } from './queueSettings.ts';
import { type Binding, type Exchange, route } from './routing.ts';

/** `rejected`: at least one of the queues was full and refused it; others may have it. */
export type RoutingResult = 'routed' | 'unroutable' | 'rejected' | 'no-exchange';

/** The default exchange, which leads to every queue by its name, has no name itself. */
const defaultExchange = '';

/**
 * Exchanges, bindings and queues: what stays when connections come and go. Several in-memory brokers can share one,
 * as several processes share a RabbitMQ.
 */
export class BrokerServer {
  private readonly clock: Clock;
  private readonly exchanges = new Map<string, Exchange & { readonly bindings: Binding[] }>();
  private readonly queues = new Map<string, { declaration: QueueDeclaration; queue: MemoryQueue }>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Adds what is missing. Throws `BrokerFailure` where something exists with another type or other arguments. */
  declare(topology: Pick<Topology, 'exchanges' | 'queues' | 'bindings'>): void {
    for (const exchange of topology.exchanges) this.declareExchange(exchange);
    for (const queue of topology.queues) this.declareQueue(queue);
    for (const binding of topology.bindings) this.declareBinding(binding);
  }

  publish(
    exchange: string,
    routingKey: string,
    message: BrokerMessage,
    receipt: Receipt | null,
  ): RoutingResult {
    if (exchange !== defaultExchange && !this.exchanges.has(exchange)) return 'no-exchange';
    const targets = this.route(exchange, routingKey, message);
    let result: RoutingResult = targets.length > 0 ? 'routed' : 'unroutable';
    for (const name of targets) {
      if (this.queue(name)?.enqueue({ exchange, routingKey, message }, receipt) === false)
        result = 'rejected';
    }
    return result;
  }

  queue(name: string): MemoryQueue | undefined {
    return this.queues.get(name)?.queue;
  }

  /** Deletes a queue with its messages and bindings, and cancels its consumers. */
  deleteQueue(name: string): void {
    const found = this.queues.get(name);
    if (found === undefined) return;
    this.queues.delete(name);
    for (const { bindings } of this.exchanges.values()) {
      const kept = bindings.filter((b) => b.destinationType !== 'queue' || b.destination !== name);
      bindings.splice(0, bindings.length, ...kept);
    }
    found.queue.destroy();
  }

  withdrawAbandoned(): void {
    for (const { queue } of this.queues.values()) queue.withdrawAbandoned();
  }

  private route(exchange: string, routingKey: string, message: BrokerMessage): readonly string[] {
    if (exchange === defaultExchange) return this.queues.has(routingKey) ? [routingKey] : [];
    return route(this.exchanges, exchange, routingKey, message.headers);
  }

  private declareExchange({ name, type }: ExchangeDeclaration): void {
    const known = this.exchanges.get(name);
    if (known === undefined) this.exchanges.set(name, { type, bindings: [] });
    else if (known.type !== type) {
      throw new BrokerFailure(`exchange "${name}" exists with type ${known.type}, it cannot become ${type}`);
    }
  }

  private declareQueue(declaration: QueueDeclaration): void {
    const known = this.queues.get(declaration.name)?.declaration;
    if (known !== undefined) {
      if (isDeepStrictEqual({ ...known.arguments }, { ...declaration.arguments })) return;
      throw new BrokerFailure(`queue "${declaration.name}" exists with other arguments`);
    }
    const settings = queueSettings(declaration);
    const queue = new MemoryQueue(settings, this.clock, (entry, reason) =>
      this.deadLetter(declaration.name, queue, entry, reason),
    );
    this.queues.set(declaration.name, { declaration, queue });
  }

  private declareBinding(declaration: BindingDeclaration): void {
    const { source, destination, destinationType, routingKey, arguments: args } = declaration;
    const exchange = this.exchanges.get(source);
    const target =
      destinationType === 'queue' ? this.queues.get(destination) : this.exchanges.get(destination);
    if (exchange === undefined) throw new BrokerFailure(`there is no exchange "${source}" to bind to`);
    if (target === undefined)
      throw new BrokerFailure(`there is no ${destinationType} "${destination}" to bind`);
    const binding: Binding = { destination, destinationType, routingKey, arguments: args };
    if (exchange.bindings.some((known) => isDeepStrictEqual(known, binding))) return;
    exchange.bindings.push(binding);
  }

  private deadLetter(name: string, queue: MemoryQueue, entry: Entry, reason: DeathReason): boolean {
    const { deadLetterExchange, deadLetterRoutingKey, deadLettersAtLeastOnce } = queue.settings;
    if (deadLetterExchange === undefined) return true;
    const { exchange, routingKey, message } = entry.routed;
    const time = Math.floor(this.clock.now() / 1000);
    const headers = withDeath(message.headers, { reason, queue: name, time, exchange, routingKey });
    const dead = { ...message, headers };
    const key = deadLetterRoutingKey ?? routingKey;
    const targets = this.route(deadLetterExchange, key, dead);
    const takers = targets.filter((target) => !isAutomaticCycle(headers, reason, target));
    // Only a cycle: RabbitMQ drops the message then, however careful the strategy.
    if (targets.length > 0 && takers.length === 0) return true;
    const routed = { exchange: deadLetterExchange, routingKey: key, message: dead };
    const taken = takers.filter((target) => this.queue(target)?.enqueue(routed, entry.receipt) === true);
    return taken.length > 0 || !deadLettersAtLeastOnce;
  }
}
