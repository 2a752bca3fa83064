import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpHarness, startHttp } from '../support/httpHarness.ts';

let http: HttpHarness;
beforeAll(async () => {
  http = await startHttp();
});
afterAll(() => http.close());

const shipment = { carrier: 'post', trackingNumber: 'T1' };
const bodies: Record<string, object> = { cancel: {}, ship: shipment, deliver: {}, refund: {} };

/** All the ways to send no body at all. */
const empty = [
  {},
  { 'content-length': '0' },
  { 'transfer-encoding': 'chunked' },
  { 'content-type': 'application/json' },
  { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
];

const confirmed = async () => {
  const order = await http.place();
  await http.confirm(order);
  return order;
};
const shipped = async () => {
  const order = await confirmed();
  await http.post(`/v1/orders/${order.id}/ship`, shipment);
  return order;
};
const delivered = async () => {
  const order = await shipped();
  await http.post(`/v1/orders/${order.id}/deliver`);
  return order;
};
const cancelled = async () => {
  const order = await http.place();
  await http.post(`/v1/orders/${order.id}/cancel`);
  return order;
};

describe('commands of an existing order', () => {
  test('cancel takes a reason, and answers the order', async () => {
    const { id } = await http.place();
    const answer = await http.post(`/v1/orders/${id}/cancel`, { reason: 'changed my mind' });
    expect(answer.status).toBe(200);
    expect(answer.headers.etag).toBe('"2"');
    expect(answer.headers).not.toHaveProperty('location');
    expect(answer.json).toMatchObject({
      id,
      version: 2,
      status: 'cancelled',
      cancelReason: 'customer',
      cancelNote: 'changed my mind',
    });
  });

  test('cancel of a paid order asks for the refund', async () => {
    const { id } = await confirmed();
    const answer = await http.post(`/v1/orders/${id}/cancel`);
    expect(answer.json).toMatchObject({ status: 'cancelled', payment: 'refund_pending' });
  });

  test('ship, then deliver', async () => {
    const { id } = await confirmed();
    const ship = await http.post(`/v1/orders/${id}/ship`, shipment);
    expect(ship).toMatchObject({ status: 200, json: { status: 'shipped', version: 5 } });
    const deliver = await http.post(`/v1/orders/${id}/deliver`, {});
    expect(deliver).toMatchObject({ status: 200, json: { status: 'delivered' }, headers: { etag: '"6"' } });
  });

  test('refund answers 202, by default for the whole rest', async () => {
    const { id } = await confirmed();
    const part = await http.post(`/v1/orders/${id}/refund`, { amount: 98, reason: 'scratched' });
    expect(part).toMatchObject({ status: 202, json: { payment: 'refund_pending', refunded: 0 } });
    const rest = await http.post(`/v1/orders/${id}/refund`);
    expect(rest.status).toBe(202);
    const { json } = await http.send({ path: `/v1/orders/${id}/events` });
    const refunds = json.items.filter(({ type }: { type: string }) => type.includes('refund-requested'));
    expect(refunds.map((each: { data: object }) => each.data)).toMatchObject([
      { amount: 98, reason: 'scratched' },
      { amount: 2500, reason: null },
    ]);
  });

  test.each(['cancel', 'deliver', 'refund'])('%s needs neither a body nor a media type', async (name) => {
    const { id } = await (name === 'deliver' ? shipped() : confirmed());
    for (const headers of empty) {
      const answer = await http.send({
        method: 'POST',
        path: `/v1/orders/${id}/${name}`,
        headers: { 'idempotency-key': `once-${name}`, ...headers },
      });
      expect(answer.status).toBe(name === 'refund' ? 202 : 200);
    }
  });

  test('an absent body is the same request as {}', async () => {
    const { id } = await http.place();
    const headers = { 'idempotency-key': `absent-${id}` };
    const first = await http.send({ method: 'POST', path: `/v1/orders/${id}/cancel`, headers });
    const again = await http.post(`/v1/orders/${id}/cancel`, {}, headers);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.text).toBe(first.text);
  });

  test.each(['', '/ship'])('an absent body is 400 for POST /v1/orders/{id}%s', async (name) => {
    const { id } = await http.place();
    for (const headers of empty) {
      const path = name === '' ? '/v1/orders' : `/v1/orders/${id}${name}`;
      const answer = await http.send({
        method: 'POST',
        path,
        headers: { 'idempotency-key': 'k', ...headers },
      });
      expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_json' } });
    }
  });
});

describe('a command that the state of the order forbids', () => {
  test.each([
    ['ship', 'pending', () => http.place()],
    ['deliver', 'pending', () => http.place()],
    ['refund', 'pending', () => http.place()],
    ['deliver', 'confirmed', confirmed],
    ['ship', 'shipped', shipped],
    ['cancel', 'shipped', shipped],
    ['cancel', 'delivered', delivered],
    ['ship', 'delivered', delivered],
    ['deliver', 'delivered', delivered],
    ['cancel', 'cancelled', cancelled],
    ['ship', 'cancelled', cancelled],
    ['deliver', 'cancelled', cancelled],
    ['refund', 'cancelled', cancelled],
  ])('%s in %s is 409, and the detail names both', async (name, state, given) => {
    const { id } = await given();
    const answer = await http.post(`/v1/orders/${id}/${name}`, bodies[name]);
    expect(answer.status).toBe(409);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.json).toMatchObject({
      code: 'order_state_conflict',
      status: 409,
      instance: `/v1/orders/${id}/${name}`,
      detail: expect.stringContaining(state),
    });
    expect(answer.json.detail).toMatch(new RegExp(name === 'ship' ? 'shipped' : name.slice(0, 6)));
  });

  test('more than the rest cannot be refunded', async () => {
    const { id } = await confirmed();
    expect(await http.post(`/v1/orders/${id}/refund`, { amount: 2599 })).toMatchObject({ status: 409 });
    expect(await http.post(`/v1/orders/${id}/refund`, { amount: 2598 })).toMatchObject({ status: 202 });
    expect(await http.post(`/v1/orders/${id}/refund`, { amount: 1 })).toMatchObject({ status: 409 });
  });
});

test.each([
  'nothing-like-it',
  '018f0000-0000-7000-8000-000000000000',
  '-',
  '%00',
  'a%2Fb',
  '%F0%9F%8D%B5',
  '..%2f..',
  'x'.repeat(65),
  'x'.repeat(9_000),
  "'%20or%201=1",
])('no order has the id %s: 404 for every call', async (id) => {
  for (const [name, body] of Object.entries(bodies)) {
    const answer = await http.post(`/v1/orders/${id}/${name}`, body);
    expect(answer).toMatchObject({ status: 404, json: { code: 'not_found' } });
  }
  for (const path of [`/v1/orders/${id}`, `/v1/orders/${id}?version=1`, `/v1/orders/${id}/events`]) {
    expect(await http.send({ path })).toMatchObject({ status: 404, json: { code: 'not_found' } });
  }
});

test('ids and versions that cannot exist do not reach the database', async () => {
  const steps: string[] = [];
  const own = await startHttp({
    pause: async (label) => {
      // Whoever looks for parked callbacks does so now and then, whatever is asked.
      if (label !== 'callbacks.ready') steps.push(label);
    },
  });
  for (const path of ['x'.repeat(65), '%00', 'a%20b', '%F0%9F%8D%B5', 'x?version=9007199254740993']) {
    expect((await own.send({ path: `/v1/orders/${path}` })).status).toBe(404);
    expect((await own.send({ path: `/v1/orders/${path.split('?')[0]}` })).status).toBe(404);
  }
  expect(steps.filter((step) => !step.startsWith('orderViews'))).toEqual([]);
  expect(steps).toHaveLength(1);
  await own.close();
});

test('an order of another tenant is not there', async () => {
  const cause = { tenant: 'other', correlationId: 'c', causationId: 'c', traceparent: null };
  const command = {
    type: 'PlaceOrder',
    at: new Date().toISOString(),
    customerId: 'c',
    currency: 'EUR',
    clientReference: null,
    lines: [{ sku: 's', quantity: 1, unitPrice: 1 }],
    shippingAddress: null,
    metadata: {},
  } as const;
  await http.orders.submit({ cause, orderId: 'theirs', command });
  expect(await http.send({ path: '/v1/orders/theirs' })).toMatchObject({ status: 404 });
  expect(await http.send({ path: '/v1/orders/theirs/events' })).toMatchObject({ status: 404 });
  expect(await http.post('/v1/orders/theirs/cancel', {})).toMatchObject({ status: 404 });
  const list = await http.send({ path: '/v1/orders?limit=200' });
  expect(list.json.items.map(({ id }: { id: string }) => id)).not.toContain('theirs');
});
