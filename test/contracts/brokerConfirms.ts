import { expect, it } from 'vitest';
import { maxPayloadBytes } from '../../src/ports/broker.ts';
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

const queues = [{ name: 'q', bindings: [['events', 'order.#']] }] as const;
const two = [
  { name: 'a', bindings: [['events', '#']] },
  { name: 'b', bindings: [['events', '#']] },
] as const;

export const brokerConfirms = (features: BrokerFeatures, make: BrokerMaker): void => {
  itWith(
    features,
    'confirms when the message is in its queues',
    'a message is confirmed when its queue has it, with no consumer in sight',
    () =>
      withBroker(make, { queues }, async ({ broker }) => {
        expect(await broker.publish(publication())).toEqual({ kind: 'confirmed' });
      }),
  );

  itWith(
    features,
    'confirms when the message is consumed',
    'a message is confirmed when every queue it reached has had it acked, and not before',
    () =>
      withBroker(make, { queues: two }, async ({ broker, queue }) => {
        const a = await collect(broker, queue('a'));
        const b = await collect(broker, queue('b'));
        let outcome = 'none';
        void broker.publish(publication()).then(({ kind }) => {
          outcome = kind;
        });
        const [first] = await a.has(1);
        const [second] = await b.has(1);
        first!.ack();
        // A later message that is confirmed shows that the first ack had its time.
        const later = broker.publish(publication());
        for (const delivery of [(await a.has(2))[1]!, (await b.has(2))[1]!]) delivery.ack();
        expect((await later).kind).toBe('confirmed');
        expect(outcome).toBe('none');
        second!.ack();
        await eventually(() => expect(outcome).toBe('confirmed'));
      }),
  );

  itWith(
    features,
    'confirms when the message is consumed',
    'a rejected message is confirmed when its dead letter is acked',
    () =>
      withBroker(
        make,
        {
          queues: (prefix) => [
            {
              name: 'q',
              arguments: { 'x-dead-letter-exchange': `${prefix}dead`, 'x-dead-letter-routing-key': 'q.dead' },
              bindings: [['events', '#']],
            },
            { name: 'q.dead', bindings: [['dead', 'q.dead']] },
          ],
        },
        async ({ broker, queue }) => {
          await collect(broker, queue('q'), { settle: (delivery) => delivery.nack(false) });
          const outcome = broker.publish(publication());
          const dead = await collect(broker, queue('q.dead'));
          const [letter] = await dead.has(1);
          const pending = await Promise.race([outcome, Promise.resolve('pending')]);
          expect(pending).toBe('pending');
          letter!.ack();
          expect(await outcome).toEqual({ kind: 'confirmed' });
        },
      ),
  );

  itWith(
    features,
    'confirms when the message is consumed',
    'a message that timed out leaves the queue, so that offering it again does not pile up copies',
    () =>
      withBroker(make, { queues, confirmTimeoutMs: 100 }, async ({ broker, queue }) => {
        const message = publication();
        expect((await broker.publish(message)).kind).toBe('lost');
        expect((await broker.publish(message)).kind).toBe('lost');
        const collector = await collect(broker, queue('q'), { settle: ack });
        expect(await broker.publish(message)).toEqual({ kind: 'confirmed' });
        expect(collector.ids()).toEqual([message.id]);
      }),
  );

  it('a message that no queue takes is confirmed at once', () =>
    withBroker(make, { queues }, async ({ broker }) => {
      expect(await broker.publish(publication({ routingKey: 'nobody' }))).toEqual({ kind: 'confirmed' });
    }));

  it('a mandatory message that no queue takes is returned, its neighbours are confirmed', () =>
    withBroker(make, { queues }, async ({ broker, queue }) => {
      await collect(broker, queue('q'), { settle: ack });
      const mandatory = true;
      const outcomes = await Promise.all([
        broker.publish(publication({ mandatory })),
        broker.publish(publication({ mandatory, routingKey: 'nobody' })),
        broker.publish(publication({ mandatory })),
      ]);
      expect(outcomes[1]).toEqual({ kind: 'returned', reason: expect.stringContaining('NO_ROUTE') });
      expect([outcomes[0], outcomes[2]]).toEqual([{ kind: 'confirmed' }, { kind: 'confirmed' }]);
    }));

  it('of two messages with one id, each has its own outcome', () =>
    withBroker(make, { queues }, async ({ broker, queue }) => {
      await collect(broker, queue('q'), { settle: ack });
      const message = publication({ mandatory: true });
      const outcomes = [broker.publish({ ...message, routingKey: 'nobody' }), broker.publish({ ...message })];
      expect((await kinds(outcomes)).toSorted()).toEqual(['confirmed', 'returned']);
    }));

  it('many messages in flight are all confirmed, and queued in the order of the calls', () =>
    withBroker(make, { queues }, async ({ broker, queue }) => {
      const messages = Array.from({ length: 2000 }, () => publication());
      const collector = await collect(broker, queue('q'), { settle: ack });
      const outcomes = await kinds(messages.map((message) => broker.publish(message)));
      expect(new Set(outcomes)).toEqual(new Set(['confirmed']));
      await collector.has(messages.length);
      expect(collector.ids()).toEqual(messages.map(({ id }) => id));
    }));

  it('a message of the greatest size goes through; what is larger, or no UTF-8, can never be published', () =>
    withBroker(make, { queues }, async ({ broker, queue }) => {
      const collector = await collect(broker, queue('q'), { settle: ack });
      const largest = 'é'.repeat(maxPayloadBytes / 2);
      expect((await broker.publish(publication({ payload: largest }))).kind).toBe('confirmed');
      expect((await collector.has(1))[0]!.payload === largest).toBe(true);
      const outcomes = [
        broker.publish(publication({ payload: `${largest}e` })),
        broker.publish(publication({ payload: 'half a pair: \ud800' })),
        broker.publish(publication({ routingKey: 'k'.repeat(256) })),
        broker.publish(publication({ id: 'ü'.repeat(128) })),
      ];
      expect(await kinds(outcomes)).toEqual([
        'unpublishable',
        'unpublishable',
        'unpublishable',
        'unpublishable',
      ]);
      // And the way is free for others.
      expect((await broker.publish(publication())).kind).toBe('confirmed');
    }));
};
