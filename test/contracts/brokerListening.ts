import { expect, it } from 'vitest';
import type { BrokerMessage, Publication } from '../../src/ports/broker.ts';
import { eventually } from '../support/eventually.ts';
import { type BrokerMaker, publication } from './brokerHarness.ts';
import { type BrokerScene, withBroker } from './withBroker.ts';

const toAll = (): Publication => publication({ exchange: 'broadcast', routingKey: '' });

export const brokerListening = (make: BrokerMaker): void => {
  const scene = (test: (scene: BrokerScene) => Promise<void>) => withBroker(make, { queues: [] }, test);
  const listen = async ({ broker }: Pick<BrokerScene, 'broker'>) => {
    const heard: BrokerMessage[] = [];
    const subscription = await broker.listen('broadcast', (message) => heard.push(message));
    return { ids: () => heard.map(({ id }) => id), heard, subscription };
  };

  it('every connection that listens hears everything, once, in order, from then on', () =>
    scene(async (one) => {
      const other = await one.connectAnother();
      await one.broker.publish(toAll());
      const ears = [await listen(one), await listen({ broker: other })];
      const sent = [toAll(), toAll(), toAll()];
      for (const message of sent) expect(await one.broker.publish(message)).toEqual({ kind: 'confirmed' });
      for (const { ids } of ears) await eventually(() => expect(ids()).toEqual(sent.map(({ id }) => id)));
      expect(ears[0]?.heard[0]).toMatchObject({ payload: sent[0]?.payload, type: sent[0]?.type });
    }));

  it('after a lost connection it hears again, and has missed what was said meanwhile', () =>
    scene(async (here) => {
      const { ids } = await listen(here);
      await here.goAway();
      await here.comeBack();
      await here.broker.whenReady(AbortSignal.timeout(5_000));
      const heard = await eventually(async () => {
        const message = toAll();
        await here.broker.publish(message);
        await eventually(() => expect(ids()).toContain(message.id), { timeoutMs: 200 });
        return message;
      });
      expect(ids().filter((id) => id === heard.id)).toHaveLength(1);
    }));

  it('hears nothing more once it is cancelled, and leaves no queue behind', () =>
    scene(async (here) => {
      const { ids, subscription } = await listen(here);
      const first = toAll();
      await here.broker.publish(first);
      await eventually(() => expect(ids()).toEqual([first.id]));
      await subscription.cancel();
      await subscription.cancel();
      await eventually(async () =>
        expect(await here.broker.publish({ ...toAll(), mandatory: true })).toMatchObject({
          kind: 'returned',
        }),
      );
      expect(ids()).toHaveLength(1);
    }));

  it('a listener that throws is logged, and hears the next one', () =>
    scene(async ({ broker, log }) => {
      const heard: string[] = [];
      await broker.listen('broadcast', ({ id }) => {
        heard.push(id);
        if (heard.length === 1) throw new Error('not now');
      });
      const sent = [toAll(), toAll()];
      for (const message of sent) await broker.publish(message);
      await eventually(() => expect(heard).toEqual(sent.map(({ id }) => id)));
      expect(log.some(({ level }) => level === 'error')).toBe(true);
    }));
};
