import { expect, it } from 'vitest';
import { BrokerFailure } from '../../src/ports/broker.ts';
import { eventually } from '../support/eventually.ts';
import { ack, type BrokerMaker, collect, publication } from './brokerHarness.ts';
import { withBroker } from './withBroker.ts';

const queues = [{ name: 'q', bindings: [['events', '#']] }] as const;

export const brokerConsuming = (make: BrokerMaker): void => {
  it('no more than prefetch are unsettled at a time, and each settlement makes room for one', () =>
    withBroker(make, { queues }, async ({ broker, queue }) => {
      const messages = Array.from({ length: 5 }, () => publication());
      const collector = await collect(broker, queue('q'), { prefetch: 2 });
      for (const message of messages) void broker.publish(message);
      await collector.has(2);
      collector.deliveries[0]!.ack();
      await collector.has(3);
      collector.deliveries[2]!.nack(false);
      await collector.has(4);
      collector.deliveries[1]!.ack();
      await collector.has(5);
      expect(collector.ids()).toEqual(messages.map(({ id }) => id));
    }));

  it('what is given back is delivered again, marked as redelivered, before what came after it', () =>
    withBroker(make, { queues }, async ({ broker, queue }) => {
      const [one, two] = [publication(), publication()];
      void broker.publish(one);
      void broker.publish(two);
      const collector = await collect(broker, queue('q'), { prefetch: 1 });
      (await collector.has(1))[0]!.nack(true);
      (await collector.has(2))[1]!.ack();
      await collector.has(3);
      expect(collector.ids()).toEqual([one.id, one.id, two.id]);
      expect(collector.deliveries.map(({ redelivered }) => redelivered)).toEqual([false, true, false]);
    }));

  it('messages that are given back out of order take their old places', () =>
    withBroker(make, { queues }, async ({ broker, queue }) => {
      const messages = Array.from({ length: 4 }, () => publication());
      const first = await collect(broker, queue('q'), { prefetch: 3 });
      for (const message of messages) void broker.publish(message);
      const [a, b, c] = await first.has(3);
      await first.subscription.cancel();
      c!.nack(true);
      a!.nack(true);
      b!.nack(true);
      // They are on their way back; a look that comes too early gives everything back as it was.
      await eventually(async () => {
        const second = await collect(broker, queue('q'), { prefetch: 4 });
        await second.has(1);
        await second.subscription.cancel();
        const ids = second.ids();
        for (const delivery of second.deliveries) delivery.nack(true);
        expect(ids).toEqual(messages.map(({ id }) => id));
      });
    }));

  it('settling twice does nothing more, and disturbs no other delivery', () =>
    withBroker(make, { queues }, async ({ broker, queue }) => {
      const collector = await collect(broker, queue('q'), { prefetch: 1 });
      void broker.publish(publication());
      void broker.publish(publication());
      const [first] = await collector.has(1);
      first!.ack();
      first!.ack();
      first!.nack(true);
      const second = (await collector.has(2))[1]!;
      first!.nack(false);
      second.ack();
      const last = publication();
      void broker.publish(last);
      await collector.has(3);
      expect(collector.ids().at(-1)).toBe(last.id);
    }));

  it('settled in any order, and mixed, each settlement counts for its own message', () =>
    withBroker(make, { queues }, async (scene) => {
      const { broker, queue } = scene;
      const messages = Array.from({ length: 40 }, () => publication());
      const collector = await collect(broker, queue('q'));
      for (const message of messages) void broker.publish(message);
      const deliveries = [...(await collector.has(40))];
      const kept = deliveries.filter((_, index) => index % 10 === 3);
      const rest = deliveries.filter((_, index) => index % 10 !== 3);
      for (const [index, delivery] of rest.toReversed().entries()) {
        if (index % 3 === 0) delivery.nack(false);
        else delivery.ack();
        if (index % 7 === 0) await Promise.resolve();
      }
      await collector.subscription.cancel();
      await scene.goAway();
      await scene.comeBack();
      const again = await collect(broker, queue('q'));
      await again.has(kept.length);
      const marker = publication();
      await broker.whenReady(AbortSignal.timeout(5000));
      void broker.publish(marker);
      await again.has(kept.length + 1);
      expect(again.ids()).toEqual([...kept.map(({ id }) => id), marker.id]);
    }));

  it('a handler that throws is logged, and its message comes again', () =>
    withBroker(make, { queues }, async ({ broker, queue, log }) => {
      let throws = 1;
      const collector = await collect(broker, queue('q'), {
        settle: (delivery) => {
          if (throws-- > 0) throw new Error('the handler failed');
          delivery.ack();
        },
      });
      void broker.publish(publication());
      const deliveries = await collector.has(2);
      expect(deliveries[1]!.id).toBe(deliveries[0]!.id);
      expect(log.some(({ level, message }) => level === 'error' && message.includes('handler threw'))).toBe(
        true,
      );
    }));

  it('a cancelled subscription gets nothing more, and what it holds it may still settle', () =>
    withBroker(make, { queues }, async ({ broker, queue }) => {
      const messages = [publication(), publication(), publication()];
      const first = await collect(broker, queue('q'), { prefetch: 2 });
      for (const message of messages) void broker.publish(message);
      const [a, b] = await first.has(2);
      await first.subscription.cancel();
      await first.subscription.cancel();
      a!.ack();
      b!.nack(true);
      const second = await collect(broker, queue('q'), { settle: ack });
      await second.has(2);
      expect(second.ids().toSorted()).toEqual([messages[1]!.id, messages[2]!.id].toSorted());
      expect(first.deliveries).toHaveLength(2);
    }));

  it('two consumers share a queue, each message goes to one of them', () =>
    withBroker(make, { queues }, async (scene) => {
      const { queue } = scene;
      const other = await scene.connectAnother();
      const one = await collect(scene.broker, queue('q'), { prefetch: 5, settle: ack });
      const two = await collect(other, queue('q'), { prefetch: 5, settle: ack });
      const messages = Array.from({ length: 50 }, () => publication());
      for (const message of messages) void scene.broker.publish(message);
      await eventually(() => expect(one.deliveries.length + two.deliveries.length).toBe(50));
      expect([...one.ids(), ...two.ids()].toSorted()).toEqual(messages.map(({ id }) => id).toSorted());
      expect(one.deliveries.length).toBeGreaterThan(0);
      expect(two.deliveries.length).toBeGreaterThan(0);
    }));

  it('with a single active consumer one gets all, and the next takes over when it goes', () =>
    withBroker(
      make,
      { queues: [{ ...queues[0], arguments: { 'x-single-active-consumer': true } }] },
      async ({ broker, queue }) => {
        const one = await collect(broker, queue('q'), { prefetch: 1, settle: ack });
        const two = await collect(broker, queue('q'), { prefetch: 1, settle: ack });
        for (let count = 0; count < 10; count += 1) void broker.publish(publication());
        await one.has(10);
        expect(two.deliveries).toHaveLength(0);
        await one.subscription.cancel();
        void broker.publish(publication());
        await two.has(1);
        expect(one.deliveries).toHaveLength(10);
      },
    ));

  it('subscribing to a queue that does not exist fails, and harms nothing else', () =>
    withBroker(make, { queues }, async ({ broker, queue }) => {
      const collector = await collect(broker, queue('q'), { settle: ack });
      await expect(collect(broker, queue('missing'))).rejects.toBeInstanceOf(BrokerFailure);
      expect(await broker.publish(publication())).toEqual({ kind: 'confirmed' });
      await collector.has(1);
    }));

  it('a queue that is deleted under its consumer is declared anew, and consumed again', () =>
    withBroker(make, { queues }, async ({ broker, queue, deleteQueue }) => {
      const collector = await collect(broker, queue('q'), { settle: ack });
      await deleteQueue(queue('q'));
      const outcome = await eventually(async () => {
        const result = await broker.publish(publication({ mandatory: true }));
        expect(result).toEqual({ kind: 'confirmed' });
        return result;
      });
      expect(outcome.kind).toBe('confirmed');
      await collector.has(1);
    }));
};
