import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { type App, startApp } from '../../src/app/composition/startApp.ts';
import { readConfig } from '../../src/app/config.ts';
import type { Publication } from '../../src/ports/broker.ts';
import { eventually } from '../support/eventually.ts';
import { placeOverHttp } from '../support/placeOverHttp.ts';
import { stockMessage } from '../support/stockMessages.ts';

describe('an order', () => {
  let app: App;
  beforeEach(async () => {
    app = await startApp(
      readConfig({ DATABASE_URL: 'sqlite::memory:', ROLES: 'api,relay,orders', PORT: '0' }),
      silentLogger,
    );
  });
  afterEach(() => app.stop());

  const place = () => placeOverHttp(app.url);
  const order = async (id: string): Promise<object> =>
    (await (await fetch(`${app.url}/v1/orders/${id}`)).json()) as object;
  const tell = async (...messages: readonly Publication[]): Promise<void> => {
    for (const message of messages)
      expect(await app.composition.broker.publish(message)).toEqual({ kind: 'confirmed' });
  };
  const waiting = async (id: string) => {
    const [row] = await app.composition.homes.of('orders').stores.inbox.stranded('orders', 10);
    return row?.source === `/orderflow/reservations/${id}` ? row.sequence : null;
  };

  it('knows that its stock is reserved once inventory has said so, however often it says it', async () => {
    const id = await place();
    await tell(stockMessage(id, 1, 'reserved'), stockMessage(id, 1, 'reserved'));
    expect(await order(id)).toMatchObject({ version: 2, status: 'pending', stock: 'reserved' });
  });

  it('is cancelled as out of stock when inventory has rejected it', async () => {
    const id = await place();
    await tell(stockMessage(id, 1, 'rejected'));
    expect(await order(id)).toMatchObject({
      status: 'cancelled',
      stock: 'rejected',
      cancelReason: 'out_of_stock',
    });
  });

  it('hears of its stock in the order in which inventory said it', async () => {
    const id = await place();
    await tell(stockMessage(id, 2, 'released'));
    expect(await order(id)).toMatchObject({ version: 1, stock: 'requested' });
    expect(await waiting(id)).toBeNull();
    await tell(stockMessage(id, 1, 'reserved'));
    await eventually(async () => expect(await order(id)).toMatchObject({ stock: 'released' }));
  });

  it.each([
    ['that no order has', stockMessage('nobody', 1, 'reserved')],
    ['without an order', stockMessage('nobody', 1, 'reserved', { orderId: 7 })],
    ['without what was missing', stockMessage('nobody', 1, 'rejected', { shortages: [{ sku: 'tea' }] })],
  ])('is not disturbed by a message %s: that is set aside, and others go on', async (_what, bad) => {
    const id = await place();
    await tell(bad, { ...bad }, stockMessage(id, 1, 'reserved'));
    expect(await order(id)).toMatchObject({ stock: 'reserved' });
  });

  it('ignores what else inventory tells, and does not stumble over it', async () => {
    const id = await place();
    const other = stockMessage(id, 1, 'reserved');
    const adjusted = 'orderflow.inventory.stock-adjusted.v1';
    await tell(
      { ...other, type: adjusted, payload: other.payload.replace(other.type, adjusted) },
      stockMessage(id, 2, 'reserved'),
    );
    expect(await order(id)).toMatchObject({ stock: 'reserved' });
  });
});
