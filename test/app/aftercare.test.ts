import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { type App, startApp } from '../../src/app/composition/startApp.ts';
import { readConfig } from '../../src/app/config.ts';
import type { OrderCommand } from '../../src/domain/orders/orderCommands.ts';
import { eventually } from '../support/eventually.ts';
import { placeOverHttp } from '../support/placeOverHttp.ts';

/** The whole service in one process, with everything in memory. */
describe('after an order was placed', () => {
  let app: App;
  let keys = 0;
  beforeEach(async () => {
    const config = { DATABASE_URL: 'sqlite::memory:', PORT: '0', LOYALTY_RATES: 'EUR:1/100' };
    app = await startApp(readConfig(config), silentLogger);
  });
  afterEach(() => app.stop());

  // biome-ignore lint/suspicious/noExplicitAny: answers, looked into by each sentence in its own way
  const get = async (path: string): Promise<any> => (await fetch(`${app.url}${path}`)).json();
  const post = async (path: string, body: object): Promise<void> => {
    keys += 1;
    const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': `key-${keys}` };
    const answer = await fetch(`${app.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect(answer.ok, await answer.text()).toBe(true);
  };
  const at = new Date().toISOString();
  const cause = { tenant: 'default', correlationId: 'test', causationId: 'test', traceparent: null };
  const fact = (orderId: string, command: OrderCommand) =>
    app.composition.orders?.submit({ cause, orderId, command });
  const becomes = (id: string, expected: object) =>
    eventually(async () => expect(await get(`/v1/orders/${id}`)).toMatchObject(expected));
  const told = async (id: string): Promise<object[]> => (await get(`/v1/notifications?orderId=${id}`)).items;
  const pay = async (id: string): Promise<void> => {
    const { total, currency } = await get(`/v1/orders/${id}`);
    await fact(id, {
      type: 'RecordPaymentCaptured',
      at,
      paymentId: `p-${id}`,
      amount: total,
      currency,
      refundId: `r-${id}`,
    });
  };

  it('its customer is told of it, and gets points for what was delivered and kept', async () => {
    const id = await placeOverHttp(app.url);
    await becomes(id, { stock: 'reserved' });
    await pay(id);
    await becomes(id, { status: 'confirmed' });
    await post(`/v1/orders/${id}/ship`, { carrier: 'UPS', trackingNumber: '1Z' });
    await post(`/v1/orders/${id}/deliver`, {});
    const { customerId, total } = await get(`/v1/orders/${id}`);
    await eventually(async () =>
      expect(await get(`/v1/loyalty/${customerId}`)).toMatchObject({
        points: Math.floor(total / 100),
        entries: [{ orderId: id, points: Math.floor(total / 100), reason: 'delivered' }],
      }),
    );
    await post(`/v1/orders/${id}/refund`, { amount: 1_000 });
    const requested = (await get(`/v1/orders/${id}/events`)).items.at(-1).data;
    await fact(id, {
      type: 'RecordRefundCompleted',
      at,
      refundId: requested.refundId,
      paymentId: `p-${id}`,
      amount: 1_000,
      currency: 'EUR',
    });
    const left = Math.floor((total - 1_000) / 100);
    await eventually(async () => {
      expect(await get(`/v1/loyalty/${customerId}`)).toMatchObject({
        points: left,
        entries: [{ points: left - Math.floor(total / 100), reason: 'refund' }, {}],
      });
      expect(await told(id)).toMatchObject([
        { template: 'order-confirmed', status: 'sent', channel: 'log', failedAttempts: 0 },
        { template: 'order-shipped', status: 'sent' },
        { template: 'order-refunded', status: 'sent' },
      ]);
    });
  });

  it('a customer whose order is cancelled is told once, and gets nothing', async () => {
    const id = await placeOverHttp(app.url);
    await becomes(id, { stock: 'reserved' });
    await post(`/v1/orders/${id}/cancel`, { reason: 'changed my mind' });
    await becomes(id, { status: 'cancelled', stock: 'released' });
    await eventually(async () =>
      expect(await told(id)).toMatchObject([{ template: 'order-cancelled', status: 'sent' }]),
    );
    const { customerId } = await get(`/v1/orders/${id}`);
    expect(await get(`/v1/loyalty/${customerId}`)).toMatchObject({ points: 0, entries: [] });
  });
});
