import { BrokerServer } from '../../src/adapters/memory/BrokerServer.ts';
import { InMemoryBroker } from '../../src/adapters/memory/InMemoryBroker.ts';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { OutboxRelay, type OutboxRelayOptions } from '../../src/app/messaging/OutboxRelay.ts';
import type { RelaySettings } from '../../src/app/messaging/relay/relaySettings.ts';
import { orderflowTopology } from '../../src/app/messaging/topology.ts';
import type { BrokerMessage, Topology } from '../../src/ports/broker.ts';
import type { Outbox, OutboxMessage } from '../../src/ports/outbox.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { recordingLogger } from './recordingLogger.ts';
import { VirtualClock } from './virtualClock.ts';

export const message = (
  source: string,
  sequence: number,
  more: Partial<OutboxMessage> = {},
): OutboxMessage => ({
  id: `${source}-${sequence}`,
  tenant: 'default',
  source,
  sequence,
  type: 'orderflow.order.placed.v1',
  exchange: 'events',
  routingKey: 'order.placed',
  payload: JSON.stringify({ source, sequence }),
  traceparent: null,
  dueAt: 0,
  ...more,
});

/** Messages 1 to `count` of a source. */
export const messages = (source: string, count: number, more: Partial<OutboxMessage> = {}): OutboxMessage[] =>
  Array.from({ length: count }, (_, index) => message(source, index + 1, more));

export const commit = (stores: Stores, added: readonly OutboxMessage[]): Promise<void> =>
  stores.unitOfWork.transact((tx) => tx.outbox.add(added));

/** The contract's exchanges, with a single queue for everything about orders: without it nobody takes that. */
export const relayTopology = (): Topology => {
  const base = orderflowTopology('', ['orders']);
  return {
    ...base,
    queues: [...base.queues, { name: 'watch', arguments: {} }],
    bindings: [
      ...base.bindings,
      {
        source: base.exchangeNames.events,
        destination: 'watch',
        destinationType: 'queue',
        routingKey: 'order.#',
        arguments: {},
      },
    ],
  };
};

/** What reached the queue, in order of arrival: `source-sequence`. */
export const recordArrivals = (server: BrokerServer): { readonly arrived: BrokerMessage[] } => {
  const arrived: BrokerMessage[] = [];
  const publish = server.publish.bind(server);
  server.publish = (exchange, routingKey, arriving, receipt) => {
    const result = publish(exchange, routingKey, arriving, receipt);
    if (result === 'routed') arrived.push(arriving);
    return result;
  };
  return { arrived };
};

export interface OutboxControl {
  /** Every call rejects with this while it is set. */
  fail: Error | null;
  /** Answers of a method wait until its promise resolves; the work itself is done at once. */
  readonly hold: Map<keyof Outbox, Promise<void>>;
}

/** The outbox with a count of what it was asked, and a hand on it. */
export const watchOutbox = (outbox: Outbox) => {
  const calls: { readonly method: keyof Outbox; readonly rows: number }[] = [];
  const control: OutboxControl = { fail: null, hold: new Map() };
  const watched = new Proxy(outbox, {
    get: (target, method: keyof Outbox) => {
      const original = target[method] as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        if (control.fail !== null) throw control.fail;
        const result = await original.apply(target, args);
        calls.push({ method, rows: Array.isArray(result) ? result.length : 0 });
        await control.hold.get(method);
        return result;
      };
    },
  });
  const count = (method: keyof Outbox): number => calls.filter((call) => call.method === method).length;
  const rowsRead = (): number =>
    calls.reduce((sum, { method, rows }) => sum + (method === 'readDue' ? rows : 0), 0);
  /** Holds the answers of a method back until the returned function is called. */
  const hold = (method: keyof Outbox): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    control.hold.set(method, promise);
    return () => {
      control.hold.delete(method);
      resolve();
    };
  };
  return { outbox: watched, control, count, rowsRead, hold };
};

/** A database, a broker and a clock, all in memory, and relays that work on them. */
export const openRelayRig = () => {
  const clock = new VirtualClock();
  const stores = openMemoryStores();
  const logger = recordingLogger();
  const server = new BrokerServer(clock);
  const topology = relayTopology();
  const { arrived } = recordArrivals(server);
  const watched = watchOutbox(stores.outbox);
  const connect = () => new InMemoryBroker({ topology, clock, logger, confirm: 'on-enqueue', server });
  const broker = connect();
  let relays = 0;
  const startRelay = (
    more: Partial<Omit<OutboxRelayOptions, 'settings'>> = {},
    settings: Partial<RelaySettings> = {},
  ): OutboxRelay => {
    relays += 1;
    const relay = new OutboxRelay({
      outbox: watched.outbox,
      leases: stores.leases,
      publisher: broker,
      clock,
      logger,
      owner: `relay-${relays}`,
      isMandatory: () => true,
      random: () => 0.5,
      settings,
      ...more,
    });
    relay.start();
    return relay;
  };
  return {
    clock,
    stores,
    logger,
    server,
    broker,
    connect,
    startRelay,
    watched,
    arrived,
    /** `source-sequence` of everything that arrived. */
    ids: () => arrived.map(({ id }) => id),
    commit: (...added: readonly OutboxMessage[]) => commit(stores, added),
    pending: async () => (await stores.outbox.stats(clock.now())).pending,
  };
};
