import { expect, it } from 'vitest';
import type { QueuePlan } from '../support/brokerTopology.ts';
import { eventually } from '../support/eventually.ts';
import {
  ack,
  type BrokerFeatures,
  type BrokerMaker,
  collect,
  itWith,
  kinds,
  publication,
} from './brokerHarness.ts';
import { withBroker } from './withBroker.ts';

/** A queue `q` with these arguments, whose dead letters go to `q.dead`. */
const dyingQueue =
  (args: QueuePlan['arguments'] = {}) =>
  (prefix: string): readonly QueuePlan[] => [
    {
      name: 'q',
      arguments: {
        'x-dead-letter-exchange': `${prefix}dead`,
        'x-dead-letter-routing-key': 'q.dead',
        ...args,
      },
      bindings: [['events', '#']],
    },
    { name: 'q.dead', bindings: [['dead', 'q.dead']] },
  ];

export const brokerQueues = (features: BrokerFeatures, make: BrokerMaker): void => {
  it('a rejected message goes to the dead-letter exchange, and tells where it died and why', () =>
    withBroker(make, { queues: dyingQueue() }, async ({ broker, queue, topology }) => {
      await collect(broker, queue('q'), { settle: (delivery) => delivery.nack(false) });
      const dead = await collect(broker, queue('q.dead'));
      const message = publication({ headers: { tenant: 'acme' } });
      void broker.publish(message);
      const [letter] = await dead.has(1);
      expect(letter).toMatchObject({
        id: message.id,
        payload: message.payload,
        exchange: topology.exchangeNames.dead,
        routingKey: 'q.dead',
        redelivered: false,
      });
      expect(letter!.headers).toEqual({
        tenant: 'acme',
        'x-first-death-exchange': topology.exchangeNames.events,
        'x-first-death-queue': queue('q'),
        'x-first-death-reason': 'rejected',
        'x-death': [
          {
            count: 1,
            exchange: topology.exchangeNames.events,
            queue: queue('q'),
            reason: 'rejected',
            'routing-keys': ['order.placed'],
            time: expect.closeTo(Date.now() / 1000, -1),
          },
        ],
      });
    }));

  it('a message that nobody takes in time expires, in order', () =>
    withBroker(make, { queues: dyingQueue({ 'x-message-ttl': 50 }) }, async ({ broker, queue }) => {
      const dead = await collect(broker, queue('q.dead'), { settle: ack });
      const messages = [publication(), publication(), publication()];
      for (const message of messages) void broker.publish(message);
      const letters = await dead.has(3);
      expect(dead.ids()).toEqual(messages.map(({ id }) => id));
      expect(letters[0]!.headers['x-first-death-reason']).toBe('expired');
    }));

  it('a message without time to live goes to a consumer with room, or dies at once', () =>
    withBroker(make, { queues: dyingQueue({ 'x-message-ttl': 0 }) }, async ({ broker, queue }) => {
      const dead = await collect(broker, queue('q.dead'), { settle: ack });
      const alive = await collect(broker, queue('q'), { prefetch: 1 });
      const [first, second] = [publication(), publication()];
      void broker.publish(first);
      void broker.publish(second);
      await dead.has(1);
      expect(dead.ids()).toEqual([second.id]);
      expect(alive.ids()).toEqual([first.id]);
    }));

  it('a full queue drops its oldest message, which becomes a dead letter', () =>
    withBroker(make, { queues: dyingQueue({ 'x-max-length': 2 }) }, async ({ broker, queue }) => {
      const dead = await collect(broker, queue('q.dead'), { settle: ack });
      const messages = Array.from({ length: 5 }, () => publication());
      for (const message of messages) void broker.publish(message);
      const letters = await dead.has(3);
      const ids = messages.map(({ id }) => id);
      expect(dead.ids()).toEqual(ids.slice(0, 3));
      expect(letters[0]!.headers['x-first-death-reason']).toBe('maxlen');
      const rest = await collect(broker, queue('q'));
      await rest.has(2);
      expect(rest.ids()).toEqual(ids.slice(3));
    }));

  it('a full queue that refuses makes the broker nack, and takes messages again when there is room', () => {
    const args = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
    return withBroker(make, { queues: dyingQueue(args) }, async ({ broker, queue }) => {
      const first = broker.publish(publication());
      expect((await broker.publish(publication())).kind).toBe('nacked');
      const collector = await collect(broker, queue('q'), { settle: ack });
      await collector.has(1);
      expect((await first).kind).toBe('confirmed');
      expect((await broker.publish(publication())).kind).toBe('confirmed');
    });
  });

  itWith(
    features,
    'confirms when the message is in its queues',
    'a full queue nacks although another queue took the message',
    () =>
      withBroker(
        make,
        {
          queues: [
            {
              name: 'full',
              arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
              bindings: [['events', '#']],
            },
            { name: 'other', bindings: [['events', '#']] },
          ],
        },
        async ({ broker, queue }) => {
          const outcomes = await kinds([broker.publish(publication()), broker.publish(publication())]);
          expect(outcomes).toEqual(['confirmed', 'nacked']);
          const other = await collect(broker, queue('other'));
          await other.has(2);
        },
      ),
  );

  it('what a consumer gave back more often than the delivery limit allows becomes a dead letter', () => {
    const args = { 'x-queue-type': 'quorum', 'x-delivery-limit': 2 };
    return withBroker(make, { queues: dyingQueue(args) }, async ({ broker, queue }) => {
      const dead = await collect(broker, queue('q.dead'), { settle: ack });
      const alive = await collect(broker, queue('q'), { settle: (delivery) => delivery.nack(true) });
      void broker.publish(publication());
      const [letter] = await dead.has(1);
      expect(letter!.headers['x-first-death-reason']).toBe('delivery_limit');
      expect(letter!.headers).not.toHaveProperty('x-delivery-count');
      const counts = alive.deliveries.map(({ headers }) => headers['x-delivery-count']);
      expect(counts).toEqual([undefined, 1, 2]);
    });
  });

  it('a message that dies again where it died before is counted, the latest death first', () =>
    withBroker(
      make,
      {
        queues: (prefix) => [
          {
            name: 'q',
            arguments: { 'x-dead-letter-exchange': `${prefix}dead`, 'x-dead-letter-routing-key': 'wait' },
            bindings: [['tasks', 'q']],
          },
          {
            name: 'wait',
            arguments: {
              'x-message-ttl': 20,
              'x-dead-letter-exchange': `${prefix}tasks`,
              'x-dead-letter-routing-key': 'q',
            },
            bindings: [['dead', 'wait']],
          },
        ],
      },
      async ({ broker, queue }) => {
        let rejections = 2;
        const collector = await collect(broker, queue('q'), {
          settle: (delivery) => (rejections-- > 0 ? delivery.nack(false) : delivery.ack()),
        });
        void broker.publish(publication({ exchange: 'tasks', routingKey: 'q' }));
        const last = (await collector.has(3))[2]!;
        expect(last.headers['x-death']).toMatchObject([
          { queue: queue('wait'), reason: 'expired', count: 2, 'routing-keys': ['wait'] },
          { queue: queue('q'), reason: 'rejected', count: 2, 'routing-keys': ['q'] },
        ]);
        expect(last.headers['x-first-death-queue']).toBe(queue('q'));
      },
    ));

  it('a message that would circle by itself is dropped', () =>
    withBroker(
      make,
      {
        queues: (prefix) => [
          {
            name: 'q',
            arguments: {
              'x-message-ttl': 20,
              'x-dead-letter-exchange': `${prefix}dead`,
              'x-dead-letter-routing-key': 'again',
            },
            bindings: [
              ['tasks', 'q'],
              ['dead', 'again'],
            ],
          },
          { name: 'witness', bindings: [['dead', 'again']] },
        ],
      },
      async ({ broker, queue }) => {
        const witness = await collect(broker, queue('witness'), { settle: ack });
        const message = publication({ exchange: 'tasks', routingKey: 'q' });
        void broker.publish(message);
        await witness.has(1);
        const collector = await collect(broker, queue('q'), { settle: ack });
        const next = publication({ exchange: 'tasks', routingKey: 'q' });
        void broker.publish(next);
        await collector.has(1);
        expect(collector.ids()).toEqual([next.id]);
        expect(witness.ids()).toEqual([message.id]);
      },
    ));

  it('a queue that went missing is declared again on demand', () =>
    withBroker(make, { queues: dyingQueue() }, async ({ broker, queue, deleteQueue }) => {
      await deleteQueue(queue('q'));
      const mandatory = true;
      expect((await broker.publish(publication({ mandatory }))).kind).toBe('returned');
      await Promise.all([broker.redeclare(), broker.redeclare()]);
      const again = broker.publish(publication({ mandatory }));
      const collector = await collect(broker, queue('q'), { settle: ack });
      expect((await again).kind).toBe('confirmed');
      await eventually(() => expect(collector.deliveries).toHaveLength(1));
    }));
};
