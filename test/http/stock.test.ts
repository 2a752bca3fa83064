import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HttpRequest } from '../support/httpClient.ts';
import { freshKey, type HttpHarness, orderBody, startHttp } from '../support/httpHarness.ts';

let http: HttpHarness;
beforeAll(async () => {
  http = await startHttp();
});
afterAll(() => http.close());

let skus = 0;
const freshSku = (): string => {
  skus += 1;
  return `tea-${skus}`;
};
const pathOf = (sku: string): string => `/v1/stock/${encodeURIComponent(sku)}`;
const put = (sku: string, body: unknown, headers: HttpRequest['headers'] = {}) =>
  http.send({
    method: 'PUT',
    path: pathOf(sku),
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const get = (sku: string, headers: HttpRequest['headers'] = {}) => http.send({ path: pathOf(sku), headers });
const stock = (sku: string, onHand: number) => ({ sku, onHand, reserved: 0, available: onHand });

describe('PUT /v1/stock/{sku}', () => {
  test('sets the count, and answers as GET does', async () => {
    const sku = freshSku();
    const answer = await put(sku, { onHand: 7 });
    expect(answer).toMatchObject({ status: 200, json: stock(sku, 7), headers: { etag: '"1"' } });
    expect(await get(sku)).toMatchObject({ status: 200, text: answer.text, headers: { etag: '"1"' } });
  });

  test('twice is once: the same count is no news', async () => {
    const sku = freshSku();
    await put(sku, { onHand: 7 });
    expect(await put(sku, { onHand: 7 })).toMatchObject({ status: 200, headers: { etag: '"1"' } });
    expect(await put(sku, { onHand: 8 })).toMatchObject({ json: stock(sku, 8), headers: { etag: '"2"' } });
  });

  test('takes any SKU that an order can name', async () => {
    for (const sku of ['a/b', 'tea%20', '茶', "'or'1'='1", '🍵'.repeat(64), 'x'.repeat(64), '"', '?#&=+']) {
      expect(await put(sku, { onHand: 1 })).toMatchObject({ status: 200, json: { sku } });
      expect(await get(sku)).toMatchObject({ status: 200, json: stock(sku, 1) });
    }
  });

  test('from nothing to a million million', async () => {
    const sku = freshSku();
    for (const onHand of [0, 1_000_000_000_000]) {
      expect(await put(sku, { onHand })).toMatchObject({ status: 200, json: { onHand, available: onHand } });
    }
  });

  test.each([
    ['below zero', '{"onHand":-1}', 'invalid_value'],
    ['a fraction', '{"onHand":1.5}', 'invalid_value'],
    ['a fraction that rounds away', '{"onHand":1.00000000000000000001}', 'invalid_type'],
    ['too many', '{"onHand":1000000000001}', 'invalid_value'],
    ['text', '{"onHand":"7"}', 'invalid_type'],
    ['nothing', '{}', 'required'],
    ['null', '{"onHand":null}', 'invalid_type'],
  ])('%s is 422', async (_title, body, code) => {
    const answer = await put(freshSku(), body);
    expect(answer).toMatchObject({ status: 422, json: { code: 'invalid_request' } });
    expect(answer.json.errors).toEqual([{ pointer: '#/onHand', code, detail: expect.any(String) }]);
  });

  test('an unknown member is 422', async () => {
    expect(await put(freshSku(), { onHand: 1, reserved: 2 })).toMatchObject({
      status: 422,
      json: { errors: [{ pointer: '#/reserved', code: 'unknown_member' }] },
    });
    expect(await http.send({ path: `${pathOf(freshSku())}?at=now` })).toMatchObject({ status: 422 });
  });

  test.each<[string, number, string, string, HttpRequest['headers']]>([
    ['a malformed key', 400, 'idempotency_key_invalid', '{"onHand":1}', { 'idempotency-key': 'a b' }],
    ['a key sent twice', 400, 'idempotency_key_invalid', '{"onHand":1}', { 'idempotency-key': ['a', 'b'] }],
    ['another media type', 415, 'unsupported_media_type', '{"onHand":1}', { 'content-type': 'text/csv' }],
    ['a body that is too large', 413, 'body_too_large', ' '.repeat(256 * 1024 + 1), {}],
    ['a member twice', 400, 'invalid_json', '{"onHand":1,"onHand":2}', {}],
    ['a bare number', 400, 'invalid_json', '7', {}],
    ['an array', 422, 'invalid_request', '[7]', {}],
  ])('%s is %d %s', async (_title, status, code, body, headers) => {
    expect(await put(freshSku(), body, headers)).toMatchObject({ status, json: { code } });
  });

  test('an absent body is 400', async () => {
    const answer = await http.send({ method: 'PUT', path: pathOf(freshSku()) });
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_json' } });
  });

  test('other methods are 405', async () => {
    const answer = await http.send({ method: 'POST', path: pathOf(freshSku()) });
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD, PUT' } });
  });
});

describe('Idempotency-Key of a count', () => {
  test('replays the first answer byte for byte, whatever has happened since', async () => {
    const sku = freshSku();
    const headers = { 'idempotency-key': freshKey() };
    const first = await put(sku, { onHand: 7 }, headers);
    await put(sku, { onHand: 3 });
    const again = await put(sku, { onHand: 7 }, headers);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again).toMatchObject({ status: 200, text: first.text, headers: { etag: '"1"' } });
    expect((await get(sku)).json).toEqual(stock(sku, 3));
  });

  test('of another count, another SKU or an order is 422', async () => {
    const sku = freshSku();
    const headers = { 'idempotency-key': freshKey() };
    await put(sku, { onHand: 7 }, headers);
    const reused = { status: 422, json: { code: 'idempotency_key_reused' } };
    expect(await put(sku, { onHand: 8 }, headers)).toMatchObject(reused);
    expect(await put(freshSku(), { onHand: 7 }, headers)).toMatchObject(reused);
    expect(await http.post('/v1/orders', orderBody(), headers)).toMatchObject(reused);
  });

  test('is the same path however the SKU was escaped', async () => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': freshKey() };
    const body = '{"onHand":7}';
    await http.send({ method: 'PUT', path: '/v1/stock/te%61', headers, body });
    const again = await http.send({ method: 'PUT', path: '/v1/stock/tea', headers, body });
    expect(again.headers['idempotent-replayed']).toBe('true');
  });
});

describe('versions of a count', () => {
  test('If-Match sets it only where it stands', async () => {
    const sku = freshSku();
    await put(sku, { onHand: 7 });
    const stale = await put(sku, { onHand: 9 }, { 'if-match': '"2"' });
    expect(stale).toMatchObject({ status: 412, json: { code: 'version_mismatch' } });
    expect(stale.json.detail).toContain('version 1');
    expect(await put(sku, { onHand: 9 }, { 'if-match': '"1"' })).toMatchObject({ status: 200 });
    expect((await put(freshSku(), { onHand: 9 }, { 'if-match': '"1"' })).json.detail).toContain(
      'never counted',
    );
  });

  test('If-None-Match of the present one is 304', async () => {
    const sku = freshSku();
    const { headers } = await put(sku, { onHand: 7 });
    expect(await get(sku, { 'if-none-match': headers.etag })).toMatchObject({ status: 304, text: '' });
    await put(sku, { onHand: 8 });
    expect(await get(sku, { 'if-none-match': headers.etag })).toMatchObject({ status: 200 });
  });

  test('Prefer: wait answers once the count is published', async () => {
    const answer = put(freshSku(), { onHand: 7 }, { prefer: 'wait=10' });
    const published = setInterval(() => void http.publishAll(), 20);
    try {
      expect((await answer).headers['preference-applied']).toBe('wait');
    } finally {
      clearInterval(published);
    }
  });
});

describe('GET /v1/stock/{sku}', () => {
  test('of a SKU that was never counted is 404', async () => {
    expect(await get(freshSku())).toMatchObject({
      status: 404,
      json: { code: 'not_found', detail: 'This SKU was never counted.' },
    });
  });

  test.each(['%20', 'a%20b', '%00', '%E2%80%8B', 'x'.repeat(65), encodeURIComponent('🍵'.repeat(65))])(
    'no SKU is %s: 404 for every call',
    async (sku) => {
      const path = `/v1/stock/${sku}`;
      const headers = { 'content-type': 'application/json' };
      for (const request of [{ path }, { method: 'PUT', path, headers, body: '{"onHand":1}' }]) {
        expect(await http.send(request)).toMatchObject({ status: 404, json: { code: 'not_found' } });
      }
    },
  );

  test('is read from a snapshot too', async () => {
    const sku = freshSku();
    for (let onHand = 1; onHand <= 120; onHand += 1) await put(sku, { onHand });
    const key = { tenant: 'default', stream: `stock/${sku}`, schema: 1 };
    expect(await http.stores.snapshots.find([key])).toHaveLength(1);
    expect(await get(sku)).toMatchObject({ json: stock(sku, 120), headers: { etag: '"120"' } });
  });
});
