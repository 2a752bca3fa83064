import { expect, it } from 'vitest';
import { BrokerFailure } from '../../src/ports/broker.ts';
import { eventually } from '../support/eventually.ts';
import { ack, type BrokerMaker, collect, kinds, publication } from './brokerHarness.ts';
import { withBroker } from './withBroker.ts';

const queues = [{ name: 'q', bindings: [['events', '#']] }] as const;
const never = new AbortController().signal;

/** Whether a promise has settled by now, after what is due at once has happened. */
const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  const pending = Symbol('pending');
  return (
    (await Promise.race([promise, new Promise((resolve) => setImmediate(resolve, pending))])) !== pending
  );
};

export const brokerFailures = (make: BrokerMaker): void => {
  it('when the connection breaks, what is in flight is lost, and publishing waits until it is back', () =>
    withBroker(make, { queues }, async ({ broker, goAway, comeBack, loseConfirms, queue }) => {
      await collect(broker, queue('q'), { settle: ack });
      expect(broker.state).toBe('connected');
      await loseConfirms();
      const inFlight = [broker.publish(publication()), broker.publish(publication())];
      await goAway();
      expect(await kinds(inFlight)).toEqual(['lost', 'lost']);
      await eventually(() => expect(broker.state).toBe('connecting'));
      expect((await broker.publish(publication())).kind).toBe('lost');
      const ready = broker.whenReady(never);
      expect(await isSettled(ready)).toBe(false);
      await comeBack();
      await ready;
      expect(broker.state).toBe('connected');
      expect((await broker.publish(publication())).kind).toBe('confirmed');
    }));

  it('waiting for the broker ends when the signal aborts', () =>
    withBroker(make, { queues }, async ({ broker, goAway, comeBack }) => {
      await goAway();
      await eventually(() => expect(broker.state).toBe('connecting'));
      const controller = new AbortController();
      const ready = broker.whenReady(controller.signal);
      controller.abort();
      await ready;
      await broker.whenReady(AbortSignal.abort());
      await comeBack();
    }));

  it('after a reconnect unsettled deliveries come again, and settling the old ones does nothing', () =>
    withBroker(make, { queues }, async ({ broker, queue, goAway, comeBack }) => {
      const collector = await collect(broker, queue('q'));
      const messages = [publication(), publication(), publication()];
      for (const message of messages) void broker.publish(message);
      const [a, b, c] = await collector.has(3);
      await goAway();
      await comeBack();
      await collector.has(6);
      const ids = messages.map(({ id }) => id);
      expect(collector.ids()).toEqual([...ids, ...ids]);
      expect(collector.deliveries.slice(3).every(({ redelivered }) => redelivered)).toBe(true);
      a!.ack();
      b!.nack(false);
      c!.nack(true);
      collector.deliveries[4]!.ack();
      // The broker answers the cancel after it has seen the settlements.
      await collector.subscription.cancel();
      await goAway();
      await comeBack();
      const later = await collect(broker, queue('q'));
      await later.has(2);
      const marker = publication();
      await broker.whenReady(never);
      void broker.publish(marker);
      await later.has(3);
      expect(later.ids()).toEqual([ids[0], ids[2], marker.id]);
    }));

  it('a subscription made while the broker is away begins when it is back', () =>
    withBroker(make, { queues }, async ({ broker, queue, goAway, comeBack }) => {
      await goAway();
      await eventually(() => expect(broker.state).toBe('connecting'));
      const collecting = collect(broker, queue('q'), { settle: ack });
      expect(await isSettled(collecting)).toBe(false);
      await comeBack();
      const collector = await collecting;
      await broker.whenReady(never);
      void broker.publish(publication());
      await collector.has(1);
    }));

  it('while the broker blocks publishers nothing is published, and consuming goes on', () =>
    withBroker(make, { queues }, async (scene) => {
      const { broker, queue } = scene;
      const other = await scene.connectAnother();
      const collector = await collect(broker, queue('q'), { settle: ack });
      await scene.block();
      await eventually(() => expect(broker.state).toBe('blocked'));
      expect((await broker.publish(publication())).kind).toBe('lost');
      const ready = broker.whenReady(never);
      expect(await isSettled(ready)).toBe(false);
      void other.publish(publication());
      await collector.has(1);
      await scene.unblock();
      await ready;
      expect((await broker.publish(publication())).kind).toBe('confirmed');
    }));

  it('a confirm that does not come makes the publication lost in time, and later ones go through', () =>
    withBroker(make, { queues, confirmTimeoutMs: 300 }, async ({ broker, queue, loseConfirms, comeBack }) => {
      await collect(broker, queue('q'), { settle: ack });
      await loseConfirms();
      const started = performance.now();
      expect((await broker.publish(publication())).kind).toBe('lost');
      expect(performance.now() - started).toBeLessThan(2000);
      await comeBack();
      await eventually(async () => {
        await broker.whenReady(never);
        expect((await broker.publish(publication())).kind).toBe('confirmed');
      });
    }));

  it('messages that are offered until they are confirmed all arrive, whatever breaks meanwhile', () =>
    withBroker(make, { queues, confirmTimeoutMs: 1000 }, async ({ broker, queue, goAway, comeBack }) => {
      const collector = await collect(broker, queue('q'), { prefetch: 10, settle: ack });
      const messages = Array.from({ length: 200 }, () => publication());
      const offer = async (message: (typeof messages)[number]): Promise<void> => {
        do await broker.whenReady(never);
        while ((await broker.publish(message)).kind !== 'confirmed');
      };
      const offered = messages.map(offer);
      for (let round = 0; round < 3; round += 1) {
        await Promise.race(offered.slice(round * 50));
        await goAway();
        await comeBack();
      }
      await Promise.all(offered);
      await eventually(() => expect(new Set(collector.ids()).size).toBe(messages.length));
    }));

  it('closing settles what is in flight, and nothing works afterwards', () =>
    withBroker(make, { queues }, async ({ broker, queue, loseConfirms }) => {
      const collector = await collect(broker, queue('q'), { settle: ack });
      await loseConfirms();
      const inFlight = broker.publish(publication());
      const started = performance.now();
      await Promise.all([broker.close(), broker.close()]);
      expect(performance.now() - started).toBeLessThan(4000);
      expect((await inFlight).kind).toBe('lost');
      expect(broker.state).toBe('closed');
      expect((await broker.publish(publication())).kind).toBe('lost');
      await expect(collect(broker, queue('q'))).rejects.toBeInstanceOf(BrokerFailure);
      expect(await isSettled(broker.whenReady(never))).toBe(false);
      await broker.redeclare();
      await collector.subscription.cancel();
      await broker.close();
    }));

  it('closing waits for confirms that are on their way', () =>
    withBroker(make, { queues }, async ({ broker, queue }) => {
      await collect(broker, queue('q'), { settle: ack });
      const outcomes = Array.from({ length: 50 }, () =>
        broker.publish(publication({ routingKey: 'nobody' })),
      );
      await broker.close();
      expect(new Set(await kinds(outcomes))).toEqual(new Set(['confirmed']));
    }));

  it('closing while the broker is away ends at once, also for those who wait to subscribe', () =>
    withBroker(make, { queues }, async ({ broker, queue, goAway, comeBack }) => {
      await goAway();
      await eventually(() => expect(broker.state).toBe('connecting'));
      const collecting = collect(broker, queue('q'));
      const refused = expect(collecting).rejects.toBeInstanceOf(BrokerFailure);
      const started = performance.now();
      await broker.close();
      expect(performance.now() - started).toBeLessThan(4000);
      await refused;
      await comeBack();
    }));
};
