import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { startApp } from '../../src/app/composition/startApp.ts';
import { readConfig } from '../../src/app/config.ts';
import { eventually } from '../support/eventually.ts';
import { placeOverHttp } from '../support/placeOverHttp.ts';
import { inDirectory } from '../support/programs.ts';

const start = (directory: string, deadlineSeconds: string) =>
  startApp(
    readConfig({
      DATABASE_URL: `sqlite:${directory}/orderflow.db`,
      PAYMENT_DEADLINE_SECONDS: deadlineSeconds,
      PORT: '0',
    }),
    silentLogger,
  );

const orderOf = async (url: string | null, id: string) =>
  (await (await fetch(`${url}/v1/orders/${id}`)).json()) as { readonly status: string };

describe('an order that is not paid in time', () => {
  it('is cancelled as expired, once, also when the service was restarted meanwhile', () =>
    inDirectory(async (directory) => {
      const first = await start(directory, '2');
      const id = await placeOverHttp(first.url);
      expect(await orderOf(first.url, id)).toMatchObject({ status: 'pending' });
      await first.stop();
      const second = await start(directory, '3600');
      try {
        const expired = { status: 'cancelled', cancelReason: 'expired' };
        await eventually(async () => expect(await orderOf(second.url, id)).toMatchObject(expired));
        const history = await (await fetch(`${second.url}/v1/orders/${id}/events`)).json();
        const types = (history as { items: { type: string }[] }).items.map(({ type }) => type);
        expect(types.filter((type) => type === 'orderflow.order.cancelled.v1')).toHaveLength(1);
      } finally {
        await second.stop();
      }
    }));

  it('waits for ever where there is no deadline: nothing is scheduled', () =>
    inDirectory(async (directory) => {
      const app = await start(directory, '0');
      try {
        await placeOverHttp(app.url);
        const { outbox } = app.composition.homes.of('orders').stores;
        expect(await outbox.nextDueAt(Date.now())).toBeNull();
      } finally {
        await app.stop();
      }
    }));
});
