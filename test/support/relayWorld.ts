import { setImmediate as nextTurn } from 'node:timers/promises';
import { BrokerServer } from '../../src/adapters/memory/BrokerServer.ts';
import { InMemoryBroker } from '../../src/adapters/memory/InMemoryBroker.ts';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { OutboxRelay } from '../../src/app/messaging/OutboxRelay.ts';
import type { Publisher } from '../../src/ports/broker.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { PartitionLeases } from '../../src/ports/outbox.ts';
import { StoreUnavailable } from '../../src/ports/unitOfWork.ts';
import { commit, message, recordArrivals, relayTopology } from './relayRig.ts';
import { VirtualClock } from './virtualClock.ts';

/** A process with a relay of its own, which can die or stand still while the world goes on. */
export interface RelayProcess {
  readonly broker: InMemoryBroker;
  readonly relay: OutboxRelay;
  readonly frozen: boolean;
  readonly dead: boolean;
  freeze(): void;
  thaw(): void;
  /** Nothing it awaits ever comes; what it sent may still arrive. */
  kill(): void;
  /** Each of its calls to the database fails with this chance, before or after it was carried out. */
  failStores(chance: number): void;
}

interface Step {
  readonly process: { readonly frozen: boolean } | null;
  readonly run: () => void;
}

/** How often something happened that the relays must cope with. */
export interface WorldEvents {
  nacks: number;
  losses: number;
  returns: number;
  unpublishable: number;
  kills: number;
  failedCalls: number;
  /** A process stood still for longer than its leases lasted, and went on. */
  lateWakings: number;
  /** A partition went from one relay to another. */
  takeovers: number;
}

/**
 * Several relays on one database and one broker, where every answer of either is a step of its own. A random source
 * picks which step comes next, so that answers overtake each other in every way they could between processes; what
 * one connection carries keeps its order. Time moves only when asked, or when nothing else is left to do.
 */
export class RelayWorld {
  readonly clock = new VirtualClock();
  readonly stores = openMemoryStores();
  readonly server = new BrokerServer(this.clock);
  readonly topology = relayTopology();
  readonly arrived = recordArrivals(this.server).arrived;
  readonly processes: RelayProcess[] = [];
  /** Messages committed per source. */
  readonly committed = new Map<string, number>();
  /** Per source, its first message that can never be published. */
  readonly impossible = new Map<string, number>();
  readonly seen: WorldEvents = {
    nacks: 0,
    losses: 0,
    returns: 0,
    unpublishable: 0,
    kills: 0,
    failedCalls: 0,
    lateWakings: 0,
    takeovers: 0,
  };
  private readonly random: () => number;
  private readonly confirmTimeoutMs: number;
  private readonly fences = new Map<number, number>();
  private steps: Step[] = [];

  constructor(
    random: () => number,
    settings: { readonly confirmTimeoutMs: number } = { confirmTimeoutMs: 4_000 },
  ) {
    this.random = random;
    this.confirmTimeoutMs = settings.confirmTimeoutMs;
  }

  get living(): readonly RelayProcess[] {
    return this.processes.filter((process) => !process.dead);
  }

  /** Adds the next messages of a source, all in one transaction. */
  async commit(source: string, count: number, delayMs = 0, routingKey = 'order.placed'): Promise<void> {
    const last = this.committed.get(source) ?? 0;
    const dueAt = delayMs === 0 ? 0 : this.clock.now() + delayMs;
    const added = Array.from({ length: count }, (_, index) =>
      message(source, last + index + 1, { routingKey, dueAt }),
    );
    await commit(this.stores, added);
    this.committed.set(source, last + count);
    for (const { relay } of this.processes) relay.wake();
  }

  /** Adds a message whose routing key is longer than any broker takes. */
  async commitImpossible(source: string): Promise<void> {
    await this.commit(source, 1, 0, 'x'.repeat(300));
    if (!this.impossible.has(source)) this.impossible.set(source, this.committed.get(source) ?? 0);
  }

  /** Adds messages in a transaction that fails. */
  async rollBack(source: string): Promise<void> {
    const last = this.committed.get(source) ?? 0;
    const attempt = this.stores.unitOfWork.transact(async (tx) => {
      await tx.outbox.add([message(source, last + 1, { payload: 'never committed' })]);
      throw new Error('changed my mind');
    });
    await attempt.catch(() => undefined);
  }

  start(leaseTtlMs: number): RelayProcess {
    const process = this.makeProcess(leaseTtlMs);
    this.processes.push(process);
    process.relay.start();
    return process;
  }

  /** Lets `count` things happen. */
  async run(count: number): Promise<void> {
    for (let done = 0; done < count; done += 1) {
      await nextTurn();
      if (!this.step() && !this.clock.step()) return;
    }
  }

  /** Time goes on, whatever else there is to do. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
  }

  /** Lets everything happen until the condition holds. */
  async until(condition: () => Promise<boolean>): Promise<void> {
    const limit = this.clock.now() + 3_600_000;
    for (let rounds = 0; !(await condition()); rounds += 1) {
      if (this.clock.now() > limit) throw new Error('did not come to rest within an hour of virtual time');
      if (rounds > 2_000) throw new Error('did not come to rest within 100,000 steps');
      await this.run(50);
    }
  }

  private step(): boolean {
    const able = this.steps.filter((step) => step.process?.frozen !== true);
    const chosen = able[Math.floor(this.random() * able.length)];
    if (chosen === undefined) return false;
    this.steps = this.steps.filter((step) => step !== chosen);
    chosen.run();
    return true;
  }

  private makeProcess(leaseTtlMs: number): RelayProcess {
    const state = { frozen: false, dead: false, failChance: 0, frozenAt: 0 };
    const schedule = (run: () => void): void => {
      this.steps.push({ process: state, run });
    };
    /** Resolves later, or never when the process has died by then. */
    const arrival = (): Promise<void> =>
      new Promise((resolve) => schedule(() => (state.dead ? undefined : resolve())));
    const broker = new InMemoryBroker({
      topology: this.topology,
      clock: this.clock,
      logger: silentLogger,
      confirm: 'on-enqueue',
      confirmTimeoutMs: this.confirmTimeoutMs,
      server: this.server,
      schedule,
    });
    const relay = new OutboxRelay({
      outbox: this.through(this.stores.outbox, state, arrival),
      leases: this.through(this.countTakeovers(this.stores.leases), state, arrival),
      publisher: this.mortalPublisher(broker, arrival),
      clock: this.mortalClock(arrival, this.random() < 0.5 ? 0 : Math.floor((this.random() - 0.5) * 4_000)),
      logger: silentLogger,
      owner: `relay-${this.processes.length + 1}`,
      isMandatory: () => true,
      random: this.random,
      settings: {
        window: 4,
        pollMs: 500,
        leaseTtlMs,
        markBatch: 3,
        messageBackoff: { firstMs: 50, maxMs: 2_000 },
      },
    });
    return {
      broker,
      relay,
      get frozen() {
        return state.frozen;
      },
      get dead() {
        return state.dead;
      },
      freeze: () => {
        if (!state.frozen) state.frozenAt = this.clock.now();
        state.frozen = true;
      },
      thaw: () => {
        if (state.frozen && this.clock.now() - state.frozenAt > leaseTtlMs) this.seen.lateWakings += 1;
        state.frozen = false;
      },
      kill: () => {
        this.seen.kills += 1;
        state.dead = true;
        state.frozen = false;
      },
      failStores: (chance) => {
        state.failChance = chance;
      },
    };
  }

  /** A port of the database as this process reaches it: the way there and the way back take time, and may fail. */
  private through<Port extends object>(
    port: Port,
    state: { readonly failChance: number },
    arrival: () => Promise<void>,
  ): Port {
    const maybeFail = (): void => {
      if (this.random() >= state.failChance) return;
      this.seen.failedCalls += 1;
      throw new StoreUnavailable('the database does not answer');
    };
    return new Proxy(port, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return async (...args: readonly unknown[]) => {
          await arrival();
          maybeFail();
          const result: unknown = await method.apply(target, args);
          await arrival();
          maybeFail();
          return result;
        };
      },
    });
  }

  /** Machines do not agree on the time. */
  private mortalClock(arrival: () => Promise<void>, skewMs: number): Clock {
    return {
      now: () => this.clock.now() + skewMs,
      sleep: (ms, signal) => this.clock.sleep(ms, signal).then(arrival),
    };
  }

  private mortalPublisher(broker: InMemoryBroker, arrival: () => Promise<void>): Publisher {
    return {
      get state() {
        return broker.state;
      },
      publish: async (publication) => {
        const outcome = await broker.publish(publication);
        if (outcome.kind === 'nacked') this.seen.nacks += 1;
        if (outcome.kind === 'lost') this.seen.losses += 1;
        if (outcome.kind === 'returned') this.seen.returns += 1;
        if (outcome.kind === 'unpublishable') this.seen.unpublishable += 1;
        await arrival();
        return outcome;
      },
      whenReady: async (signal) => {
        await broker.whenReady(signal);
        await arrival();
      },
      redeclare: async () => {
        await broker.redeclare();
        await arrival();
      },
    };
  }

  private countTakeovers(leases: PartitionLeases): PartitionLeases {
    return {
      ...leases,
      renew: async (owner, now, ttlMs) => {
        const renewed = await leases.renew(owner, now, ttlMs);
        for (const { partition, fence } of renewed.held) {
          const before = this.fences.get(partition) ?? 0;
          if (before > 0 && fence > before) this.seen.takeovers += 1;
          this.fences.set(partition, fence);
        }
        return renewed;
      },
    };
  }
}
