import { expect, it } from 'vitest';
import type { Publication } from '../../src/ports/broker.ts';
import type { QueuePlan } from '../support/brokerTopology.ts';
import { ack, type BrokerMaker, collect, publication } from './brokerHarness.ts';
import { type BrokerScene, withBroker } from './withBroker.ts';

/** Which queues of the scene get each of the messages. A last message to every queue tells that all have come. */
const whoGets = async (
  { broker, queue }: BrokerScene,
  plans: readonly QueuePlan[],
  messages: readonly Publication[],
): Promise<Readonly<Record<string, readonly string[]>>> => {
  const collectors = await Promise.all(
    plans.map(({ name }) => collect(broker, queue(name), { settle: ack })),
  );
  for (const message of messages) void broker.publish(message);
  for (const { name } of plans)
    void broker.publish(publication({ exchange: 'tasks', routingKey: `end-${name}` }));
  const got: Record<string, readonly string[]> = {};
  for (const [index, { name }] of plans.entries()) {
    const collector = collectors[index]!;
    await expect.poll(() => collector.deliveries.at(-1)?.routingKey).toBe(`end-${name}`);
    got[name] = collector.ids().slice(0, -1);
  }
  return got;
};

const plansFor = (plans: readonly QueuePlan[]): readonly QueuePlan[] =>
  plans.map((plan) => ({ ...plan, bindings: [...(plan.bindings ?? []), ['tasks', `end-${plan.name}`]] }));

export const brokerRouting = (make: BrokerMaker): void => {
  it('a direct exchange leads to the queues bound with that very key', async () => {
    const queues = plansFor([
      { name: 'a', bindings: [['tasks', 'one']] },
      { name: 'b', bindings: [['tasks', 'one']] },
      { name: 'c', bindings: [['tasks', 'one.*']] },
    ]);
    await withBroker(make, { queues }, async (scene) => {
      const one = publication({ exchange: 'tasks', routingKey: 'one' });
      const other = publication({ exchange: 'tasks', routingKey: 'one.two' });
      expect(await whoGets(scene, queues, [one, other])).toEqual({ a: [one.id], b: [one.id], c: [] });
    });
  });

  it('a topic exchange compares word by word', async () => {
    const queues = plansFor([
      { name: 'orders', bindings: [['events', 'order.#']] },
      { name: 'placed', bindings: [['events', '*.placed']] },
      { name: 'all', bindings: [['events', '#']] },
    ]);
    await withBroker(make, { queues }, async (scene) => {
      const order = publication({ routingKey: 'order' });
      const placed = publication({ routingKey: 'order.placed' });
      const deep = publication({ routingKey: 'order.item.placed' });
      const other = publication({ routingKey: 'invoice.placed' });
      expect(await whoGets(scene, queues, [order, placed, deep, other])).toEqual({
        orders: [order.id, placed.id, deep.id],
        placed: [placed.id, other.id],
        all: [order.id, placed.id, deep.id, other.id],
      });
    });
  });

  it('a fanout exchange leads to all its queues', async () => {
    const queues = plansFor([
      { name: 'a', bindings: [['broadcast', 'x']] },
      { name: 'b', bindings: [['broadcast', '']] },
    ]);
    await withBroker(make, { queues }, async (scene) => {
      const message = publication({ exchange: 'broadcast', routingKey: 'whatever' });
      expect(await whoGets(scene, queues, [message])).toEqual({ a: [message.id], b: [message.id] });
    });
  });

  it('a headers exchange compares headers, all of them or any', async () => {
    const wanted = { tenant: 'acme', kind: 'audit' };
    const queues = plansFor([
      { name: 'all', bindings: [['audit', '', wanted]] },
      { name: 'any', bindings: [['audit', '', { ...wanted, 'x-match': 'any' }]] },
    ]);
    await withBroker(make, { queues }, async (scene) => {
      const both = publication({ exchange: 'audit', headers: { ...wanted, more: 1 } });
      const half = publication({ exchange: 'audit', headers: { tenant: 'acme', kind: 'other' } });
      const none = publication({ exchange: 'audit', headers: { tenant: true } });
      expect(await whoGets(scene, queues, [both, half, none])).toEqual({
        all: [both.id],
        any: [both.id, half.id],
      });
    });
  });

  it('exchanges bound to exchanges pass messages on, and a queue reached on two ways gets one copy', async () => {
    const queues = plansFor([
      {
        name: 'q',
        bindings: [
          ['events', 'order.#'],
          ['events', '#.placed'],
          ['broadcast', ''],
        ],
      },
      { name: 'audit', bindings: [['audit', '', { tenant: 'acme' }]] },
    ]);
    const links = [
      { source: 'events', destination: 'broadcast', routingKey: 'order.*', arguments: {} },
      { source: 'events', destination: 'audit', routingKey: '#', arguments: {} },
    ];
    await withBroker(make, { queues, links }, async (scene) => {
      const message = publication({ routingKey: 'order.placed', headers: { tenant: 'acme' } });
      const other = publication({ routingKey: 'order.paid' });
      expect(await whoGets(scene, queues, [message, other])).toEqual({
        q: [message.id, other.id],
        audit: [message.id],
      });
    });
  });

  it('a message arrives as it was sent, its timestamp in whole seconds', async () => {
    const queues = plansFor([{ name: 'q', bindings: [['events', '#']] }]);
    await withBroker(make, { queues }, async ({ broker, queue, topology }) => {
      const collector = await collect(broker, queue('q'));
      const sent = publication({
        payload: JSON.stringify({ text: 'Grüße, 世界 🚚' }),
        timestamp: 1_790_000_000_999,
        headers: {
          traceparent: '00-1',
          count: 3,
          big: 2 ** 40,
          half: 0.5,
          yes: true,
          none: null,
          list: ['a', { b: 1 }],
        },
      });
      void broker.publish(sent);
      const [delivery] = await collector.has(1);
      expect(delivery).toMatchObject({
        id: sent.id,
        type: sent.type,
        contentType: sent.contentType,
        payload: sent.payload,
        timestamp: 1_790_000_000_000,
        headers: sent.headers,
        exchange: topology.exchangeNames.events,
        routingKey: sent.routingKey,
        redelivered: false,
      });
    });
  });
};
