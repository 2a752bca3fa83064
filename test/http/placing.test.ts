import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpHarness, orderBody, startHttp } from '../support/httpHarness.ts';

let http: HttpHarness;
beforeAll(async () => {
  http = await startHttp();
});
afterAll(() => http.close());

describe('POST /v1/orders', () => {
  test('answers 201 with the place, the version as ETag, and the whole order', async () => {
    const answer = await http.post(
      '/v1/orders',
      orderBody({
        clientReference: 'shop-9001',
        shippingAddress: { name: 'A', line1: 'B', postalCode: '1000', city: 'C', countryCode: 'BE' },
        metadata: { channel: 'web' },
      }),
    );
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject({
      location: `/v1/orders/${answer.json.id}`,
      etag: '"1"',
      'content-type': 'application/json',
    });
    const { id, placedAt, ...order } = answer.json;
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(placedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(order).toEqual({
      version: 1,
      status: 'pending',
      stock: 'requested',
      payment: 'awaiting',
      customerId: 'c-42',
      currency: 'EUR',
      clientReference: 'shop-9001',
      lines: [{ sku: 'tea-100', quantity: 2, unitPrice: 1299, lineTotal: 2598 }],
      total: 2598,
      captured: 0,
      refunded: 0,
      shippingAddress: { name: 'A', line1: 'B', postalCode: '1000', city: 'C', countryCode: 'BE' },
      metadata: { channel: 'web' },
      cancelReason: null,
      cancelNote: null,
      updatedAt: placedAt,
    });
  });

  test('fills in what may be left out', async () => {
    const order = await http.place();
    expect(order).toMatchObject({ clientReference: null, shippingAddress: null, metadata: {} });
    expect(await http.place({ shippingAddress: null })).toMatchObject({ shippingAddress: null });
  });

  test('members come in the order of the contract', async () => {
    const order = await http.place();
    expect(Object.keys(order)).toEqual([
      ...[
        'id',
        'version',
        'status',
        'stock',
        'payment',
        'customerId',
        'currency',
        'clientReference',
        'lines',
      ],
      ...['total', 'captured', 'refunded', 'shippingAddress', 'metadata', 'cancelReason', 'cancelNote'],
      ...['placedAt', 'updatedAt'],
    ]);
  });

  test('takes every value at its limit', async () => {
    const line = { sku: '\u00e9'.repeat(64), quantity: 1, unitPrice: 1_000_000_000_000 };
    const astral = '\u{1f375}'.repeat(512);
    const order = await http.place({
      customerId: 'c'.repeat(64),
      currency: 'JPY',
      clientReference: astral,
      lines: [
        ...Array.from({ length: 98 }, () => ({ ...line, quantity: 10 })),
        line,
        { ...line, quantity: 1_000_000, unitPrice: 0 },
      ],
      metadata: Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`${n}`.padEnd(64, 'k'), astral])),
    });
    expect(order.total).toBe(98 * 10 * 1_000_000_000_000 + 1_000_000_000_000);
    expect(order.clientReference).toBe(astral);
    expect(Object.keys(order.metadata)).toHaveLength(20);
  });

  test.each([
    ['a gzipped body', { 'content-encoding': 'gzip' }],
    ['a chunked body', { 'transfer-encoding': 'chunked' }],
    ['a media type with a charset', { 'content-type': 'Application/JSON; Charset="UTF-8"' }],
    ['a client that waits for 100 Continue', { expect: '100-continue' }],
  ])('takes %s', async (_title, headers) => {
    const text = JSON.stringify(orderBody());
    const answer = await http.send({
      method: 'POST',
      path: '/v1/orders',
      headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID(), ...headers },
      body: 'content-encoding' in headers ? gzipSync(text) : text,
    });
    expect(answer.status).toBe(201);
  });

  test('takes gzip of several members, which is what their contents give together', async () => {
    const text = JSON.stringify(orderBody({ clientReference: 'x'.repeat(500) }));
    for (const cut of [0, 1, 200, text.length]) {
      // Blanks around the value, so that some members fill the decompressor's buffers of 16 KiB to the brim.
      const parts = [' '.repeat(16_384), text.slice(0, cut), text.slice(cut), ' '.repeat(40_000), ''];
      const answer = await http.send({
        method: 'POST',
        path: '/v1/orders',
        headers: {
          'content-type': 'application/json',
          'content-encoding': 'gzip',
          'idempotency-key': crypto.randomUUID(),
        },
        body: Buffer.concat(parts.map((part) => gzipSync(part))),
      });
      expect(answer.json).toMatchObject({ customerId: 'c-42', clientReference: 'x'.repeat(500) });
    }
  });

  test('numbers count by their value, however they are written', async () => {
    const body = '{"customerId":"c","currency":"EUR","lines":[{"sku":"s","quantity":2.0,"unitPrice":1.5e3}]}';
    const answer = await http.send({
      method: 'POST',
      path: '/v1/orders',
      headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
      body,
    });
    expect(answer.json).toMatchObject({ total: 3000 });
  });
});

describe('every answer', () => {
  test('echoes X-Request-Id, which becomes the correlation id of the events', async () => {
    const placed = await http.post('/v1/orders', orderBody(), { 'x-request-id': 'req-7' });
    expect(placed.headers['x-request-id']).toBe('req-7');
    const history = await http.send({ path: `/v1/orders/${placed.json.id}/events` });
    expect(history.json.items[0]).toMatchObject({ correlationId: 'req-7', causationId: 'req-7' });
  });

  test.each([['a b'], ['x'.repeat(129)], ['\u00fc'], ['']])(
    'makes a request id of its own instead of %j',
    async (given) => {
      const answer = await http.send({ path: '/livez', headers: { 'x-request-id': given } });
      expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  test("carries the caller's trace into the events, and names it in errors", async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const placed = await http.post('/v1/orders', orderBody(), { traceparent });
    const [event] = await http.stores.events.readStream({
      tenant: 'default',
      stream: `orders/${placed.json.id}`,
    });
    expect(event?.traceparent).toBe(traceparent);
    const refused = await http.send({ path: '/nowhere', headers: { traceparent } });
    expect(refused.json.traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
  });

  test.each([
    ['nonsense'],
    ['00-00000000000000000000000000000000-00f067aa0ba902b7-01'],
    ['00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01'],
    ['ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
    ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra'],
  ])('starts a trace of its own where traceparent is %s', async (traceparent) => {
    const placed = await http.post('/v1/orders', orderBody(), { traceparent });
    const [event] = await http.stores.events.readStream({
      tenant: 'default',
      stream: `orders/${placed.json.id}`,
    });
    expect(event?.traceparent).toMatch(/^00-(?!4bf92)[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  test('tells caches and browsers to keep their hands off, and nobody what runs here', async () => {
    for (const path of ['/livez', '/nowhere', '/v1/orders']) {
      const { headers } = await http.send({ path });
      expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
      expect(headers).not.toHaveProperty('x-powered-by');
    }
  });
});
