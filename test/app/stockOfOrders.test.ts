import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { type App, startApp } from '../../src/app/composition/startApp.ts';
import { readConfig } from '../../src/app/config.ts';
import type { OrderCommand } from '../../src/domain/orders/orderCommands.ts';
import { eventually } from '../support/eventually.ts';
import { placeOverHttp } from '../support/placeOverHttp.ts';

/** Orders and inventory in one process, with nothing configured; an order is for two pieces of tea-100. */
describe('an order and its stock', () => {
  let app: App;
  beforeEach(async () => {
    app = await startApp(readConfig({ DATABASE_URL: 'sqlite::memory:', PORT: '0' }), silentLogger);
  });
  afterEach(() => app.stop());

  const json = async (path: string): Promise<object> => (await fetch(`${app.url}${path}`)).json() as never;
  const send = (method: string, path: string, body: object) =>
    fetch(`${app.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
      body: JSON.stringify(body),
    });
  const place = () => placeOverHttp(app.url);
  const count = (onHand: number) => send('PUT', '/v1/stock/tea-100', { onHand });
  const expectOrder = (id: string, expected: object) =>
    eventually(async () => expect(await json(`/v1/orders/${id}`)).toMatchObject(expected));
  const expectStock = (onHand: number, reserved: number) =>
    eventually(async () =>
      expect(await json('/v1/stock/tea-100')).toEqual({
        sku: 'tea-100',
        onHand,
        reserved,
        available: onHand - reserved,
      }),
    );

  it('is reserved by itself where nobody counts', async () => {
    const id = await place();
    await expectOrder(id, { status: 'pending', stock: 'reserved' });
    expect((await fetch(`${app.url}/v1/stock/tea-100`)).status).toBe(404);
  });

  it('is reserved while there is enough, and then the order is cancelled as out of stock', async () => {
    await count(3);
    const [first, second] = [await place(), await place()];
    await expectOrder(first, { status: 'pending', stock: 'reserved' });
    await expectOrder(second, { status: 'cancelled', stock: 'rejected', cancelReason: 'out_of_stock' });
    await expectStock(3, 2);
  });

  it('goes back to the shelf when the order is cancelled', async () => {
    await count(2);
    const id = await place();
    await expectStock(2, 2);
    await send('POST', `/v1/orders/${id}/cancel`, {});
    await expectOrder(id, { status: 'cancelled', stock: 'released' });
    await expectStock(2, 0);
    await expectOrder(await place(), { stock: 'reserved' });
  });

  it('leaves the shelf when the order is paid and shipped', async () => {
    await count(5);
    const id = await place();
    const command: OrderCommand = {
      type: 'RecordPaymentCaptured',
      at: new Date().toISOString(),
      paymentId: 'p-1',
      amount: 2598,
      currency: 'EUR',
      refundId: 'r-1',
    };
    const cause = { tenant: 'default', correlationId: 'c', causationId: 'c', traceparent: null };
    await app.composition.orders?.submit({ cause, orderId: id, command });
    await expectOrder(id, { status: 'confirmed' });
    const shipment = { carrier: 'post', trackingNumber: 'T1' };
    expect((await send('POST', `/v1/orders/${id}/ship`, shipment)).status).toBe(200);
    await expectStock(3, 0);
  });
});
