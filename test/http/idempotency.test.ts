import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshKey, type HttpHarness, orderBody, startHttp } from '../support/httpHarness.ts';
import { propertyOptions } from '../support/properties.ts';

let http: HttpHarness;
beforeAll(async () => {
  http = await startHttp();
});
afterAll(() => http.close());

const place = (key: string | string[] | undefined, body: unknown = orderBody()) =>
  http.send({
    method: 'POST',
    path: '/v1/orders',
    headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) },
    body: JSON.stringify(body),
  });

const repeatable = ({ status, headers, text }: Awaited<ReturnType<typeof place>>) => ({
  status,
  text,
  location: headers.location,
  etag: headers.etag,
  type: headers['content-type'],
});

describe('a repeated key', () => {
  test('replays the first answer byte for byte, and does the work once', async () => {
    const key = freshKey();
    const first = await place(key);
    const again = await place(key);
    expect(repeatable(again)).toEqual(repeatable(first));
    expect(first.headers).not.toHaveProperty('idempotent-replayed');
    expect(again.headers['idempotent-replayed']).toBe('true');
  });

  test('replays the first answer also after the order has moved on', async () => {
    const key = freshKey();
    const first = await place(key);
    await http.post(`/v1/orders/${first.json.id}/cancel`);
    expect(repeatable(await place(key))).toEqual(repeatable(first));
  });

  test('replays a conflict with the state, also when the state would allow it by now', async () => {
    const order = await http.place();
    const headers = { 'idempotency-key': freshKey() };
    const ship = () =>
      http.post(`/v1/orders/${order.id}/ship`, { carrier: 'c', trackingNumber: 't' }, headers);
    const first = await ship();
    expect(first.status).toBe(409);
    await http.confirm(order);
    const again = await ship();
    expect(repeatable(again)).toEqual(repeatable(first));
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(
      (await http.post(`/v1/orders/${order.id}/ship`, { carrier: 'c', trackingNumber: 't' })).status,
    ).toBe(200);
  });

  test.each(['cancel', 'ship', 'deliver', 'refund'])('replays %s', async (name) => {
    const order = await http.place();
    await http.confirm(order);
    const shipment = { carrier: 'c', trackingNumber: 't' };
    if (name === 'deliver') await http.post(`/v1/orders/${order.id}/ship`, shipment);
    const headers = { 'idempotency-key': freshKey() };
    const send = () => http.post(`/v1/orders/${order.id}/${name}`, name === 'ship' ? shipment : {}, headers);
    const first = await send();
    const again = await send();
    expect(first.status).toBeLessThan(300);
    expect(repeatable(again)).toEqual(repeatable(first));
    expect(again.headers['idempotent-replayed']).toBe('true');
  });

  test('50 copies at once make one order, and get one answer', async () => {
    const before = (await http.send({ path: '/v1/orders?limit=200' })).json.items.length;
    const key = freshKey();
    const answers = await Promise.all(Array.from({ length: 50 }, () => place(key)));
    expect(new Set(answers.map((answer) => JSON.stringify(repeatable(answer)))).size).toBe(1);
    expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1);
    const after = (await http.send({ path: '/v1/orders?limit=200' })).json.items.length;
    expect(after - before).toBe(1);
  });

  test('of copies of a command one runs and the others repeat it', async () => {
    const order = await http.place();
    const headers = { 'idempotency-key': freshKey() };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => http.post(`/v1/orders/${order.id}/cancel`, { reason: 'r' }, headers)),
    );
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    const history = await http.send({ path: `/v1/orders/${order.id}/events` });
    expect(history.json.items).toHaveLength(2);
  });

  test('is not kept for 404, 412 and 422: the same key may try again', async () => {
    const headers = { 'idempotency-key': freshKey() };
    const order = await http.place();
    expect((await http.post('/v1/orders/nope/cancel', {}, headers)).status).toBe(404);
    expect((await http.post(`/v1/orders/${order.id}/cancel`, { reason: 1 }, headers)).status).toBe(422);
    expect(
      (await http.post(`/v1/orders/${order.id}/cancel`, {}, { ...headers, 'if-match': '"9"' })).status,
    ).toBe(412);
    const accepted = await http.post(`/v1/orders/${order.id}/cancel`, {}, headers);
    expect(accepted.status).toBe(200);
    expect(accepted.headers).not.toHaveProperty('idempotent-replayed');
  });
});

describe('the same request', () => {
  test('is one with the same JSON value: members in any order, blanks, escapes and number forms do not count', async () => {
    const key = freshKey();
    const headers = { 'content-type': 'application/json', 'idempotency-key': key };
    const post = (body: string) => http.send({ method: 'POST', path: '/v1/orders', headers, body });
    const first = await post(
      '{"customerId":"c","currency":"EUR","lines":[{"sku":"s","quantity":1,"unitPrice":100}]}',
    );
    const again = await post(
      '{ "lines": [ {"unitPrice":1e2, "quantity":1.0, "sku":"\\u0073"} ],\n "currency":"EUR", "customerId":"c" }',
    );
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.text).toBe(first.text);
  });

  test('is one whatever If-Match and Prefer say, and however the path is escaped', async () => {
    const order = await http.place();
    const headers = { 'idempotency-key': freshKey() };
    const first = await http.post(`/v1/orders/${order.id}/cancel`, {}, headers);
    const escaped = order.id.replace('-', '%2D');
    const again = await http.post(`/v1/orders/${escaped}/cancel`, {}, { ...headers, 'if-match': '"77"' });
    expect(again.status).toBe(200);
    expect(again.text).toBe(first.text);
  });

  test.each([
    ['another value', orderBody({ customerId: 'c-43' })],
    ['a member more', orderBody({ metadata: {} })],
    [
      'another order of lines',
      orderBody({
        lines: [
          { sku: 'b', quantity: 1, unitPrice: 1 },
          { sku: 'a', quantity: 1, unitPrice: 1 },
        ],
      }),
    ],
  ])('is another one with %s: 422', async (_title, body) => {
    const key = freshKey();
    await place(
      key,
      orderBody({
        lines: [
          { sku: 'a', quantity: 1, unitPrice: 1 },
          { sku: 'b', quantity: 1, unitPrice: 1 },
        ],
      }),
    );
    expect(await place(key, body)).toMatchObject({ status: 422, json: { code: 'idempotency_key_reused' } });
  });

  test('is another one at another path: 422, before 404, 412 and 409', async () => {
    const [one, two] = [await http.place(), await http.place()];
    const headers = { 'idempotency-key': freshKey() };
    await http.post(`/v1/orders/${one.id}/cancel`, {}, headers);
    for (const path of [
      `${two.id}/cancel`,
      `${one.id}/refund`,
      'nope/cancel',
      `${'x'.repeat(70)}/cancel`,
      `${one.id}/deliver`,
    ]) {
      const answer = await http.post(`/v1/orders/${path}`, {}, { ...headers, 'if-match': '"9"' });
      expect(answer).toMatchObject({ status: 422, json: { code: 'idempotency_key_reused' } });
    }
  });

  test('property: any reordering of members is the same request, any change of a value is not', async () => {
    const value = fc
      .string({ unit: 'grapheme', maxLength: 20 })
      .filter((text) => text.isWellFormed() && !text.includes('\0'));
    const metadata = fc.dictionary(
      fc
        .string({ maxLength: 10 })
        .filter((name) => name !== '__proto__' && name.isWellFormed() && !name.includes('\0')),
      value,
      { minKeys: 1, maxKeys: 5 },
    );
    await fc.assert(
      fc.asyncProperty(metadata, fc.nat(), async (pairs, seed) => {
        const key = randomUUID();
        const first = await place(key, orderBody({ metadata: pairs }));
        const entries = Object.entries(pairs);
        const turned = Object.fromEntries(
          [...entries.slice(seed % entries.length), ...entries.slice(0, seed % entries.length)].reverse(),
        );
        const again = await place(key, { metadata: turned, ...orderBody() });
        expect(again.text).toBe(first.text);
        const [name = ''] = entries[0] ?? [];
        const changed = { ...pairs, [name]: `${pairs[name]}x` };
        expect(await place(key, orderBody({ metadata: changed }))).toMatchObject({ status: 422 });
      }),
      propertyOptions({ numRuns: 50 }),
    );
  });
});

describe('the Idempotency-Key header', () => {
  test.each([
    ['a', '"a"'],
    ["!#$%&'()*+,-./:;<=>?@[]^_`{|}~", '"!#$%&\'()*+,-./:;<=>?@[]^_`{|}~"'],
    [`${'k'.repeat(254)}1`, `"${'k'.repeat(254)}1"`],
  ])('may be bare or a quoted string, which are the same key: %s', async (bare, quoted) => {
    const first = await place(bare);
    expect(first.status).toBe(201);
    expect((await place(quoted)).headers['idempotent-replayed']).toBe('true');
  });

  test('a quoted string may escape quotes and backslashes', async () => {
    const escaped = await place(String.raw`"a\"b\\c"`);
    expect(escaped.status).toBe(201);
  });

  test('absent is idempotency_key_missing', async () => {
    expect(await place(undefined)).toMatchObject({ status: 400, json: { code: 'idempotency_key_missing' } });
  });

  test.each([
    '',
    '""',
    'a b',
    '"a b"',
    '"a',
    'a"',
    'a"b',
    '"a"b"',
    '"a\\b"',
    '"a";v=1',
    'a, b',
    'k\u00fc',
    'k\ttab',
    'k'.repeat(256),
    `"${'k'.repeat(256)}"`,
  ])('%j is idempotency_key_invalid', async (key) => {
    expect(await place(key)).toMatchObject({ status: 400, json: { code: 'idempotency_key_invalid' } });
  });

  test.each([[['a', 'b']], [['a', 'a']], [['"a', 'b"']], [['', 'a']]])(
    'sent twice, as %j, is invalid',
    async (keys) => {
      expect(await place(keys)).toMatchObject({ status: 400, json: { code: 'idempotency_key_invalid' } });
    },
  );

  test.each(['cancel', 'ship', 'deliver', 'refund'])('is required for %s too', async (name) => {
    const answer = await http.send({ method: 'POST', path: `/v1/orders/nope/${name}` });
    expect(answer).toMatchObject({ status: 400, json: { code: 'idempotency_key_missing' } });
  });
});
