import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HttpRequest } from '../support/httpClient.ts';
import { freshKey, type HttpHarness, orderBody, startHttp } from '../support/httpHarness.ts';

let http: HttpHarness;
beforeAll(async () => {
  http = await startHttp();
});
afterAll(() => http.close());

const big = ' '.repeat(256 * 1024 + 1);
const json = 'application/json';

/**
 * Every request breaks the rule it is named after and all rules that come later, as far as one request can, so that
 * only the order of the checks decides what is answered.
 */
describe('checks come in the order of the contract', () => {
  const cases: readonly [string, number, string, () => Promise<HttpRequest>][] = [
    [
      'path',
      404,
      'not_found',
      async () => ({
        method: 'PATCH',
        path: '/v1/order',
        headers: { 'content-type': 'text/plain' },
        body: big,
      }),
    ],
    [
      'method',
      405,
      'method_not_allowed',
      async () => ({
        method: 'PUT',
        path: '/v1/orders',
        headers: { 'content-type': 'text/plain' },
        body: big,
      }),
    ],
    [
      'Idempotency-Key',
      400,
      'idempotency_key_missing',
      async () => ({
        method: 'POST',
        path: '/v1/orders',
        headers: { 'content-type': 'text/plain' },
        body: big,
      }),
    ],
    [
      'Idempotency-Key of an order that does not exist',
      400,
      'idempotency_key_invalid',
      async () => ({
        method: 'POST',
        path: '/v1/orders/nope/ship',
        headers: { 'content-type': 'text/plain', 'idempotency-key': 'a b' },
        body: '[',
      }),
    ],
    [
      'media type',
      415,
      'unsupported_media_type',
      async () => ({
        method: 'POST',
        path: '/v1/orders',
        headers: { 'content-type': 'text/plain', 'idempotency-key': 'k' },
        body: big,
      }),
    ],
    [
      'content encoding',
      415,
      'unsupported_media_type',
      async () => ({
        method: 'POST',
        path: '/v1/orders',
        headers: { 'content-type': json, 'content-encoding': 'br', 'idempotency-key': 'k' },
        body: big,
      }),
    ],
    [
      'size',
      413,
      'body_too_large',
      async () => ({
        method: 'POST',
        path: '/v1/orders',
        headers: { 'content-type': json, 'idempotency-key': 'k' },
        body: big,
      }),
    ],
    [
      'JSON',
      400,
      'invalid_json',
      async () => ({
        method: 'POST',
        path: '/v1/orders/nope/ship',
        headers: { 'content-type': json, 'idempotency-key': await used(), 'if-match': 'W/"1"' },
        body: '{"carrier":1,"carrier":2}',
      }),
    ],
    [
      'schema',
      422,
      'invalid_request',
      async () => ({
        method: 'POST',
        path: '/v1/orders/nope/ship',
        headers: { 'content-type': json, 'idempotency-key': await used(), 'if-match': 'W/"1"' },
        body: '{"carrier":1}',
      }),
    ],
    [
      'replay',
      422,
      'idempotency_key_reused',
      async () => ({
        method: 'POST',
        path: '/v1/orders/nope/deliver',
        headers: { 'idempotency-key': await used(), 'if-match': 'W/"1"' },
      }),
    ],
    [
      '404',
      404,
      'not_found',
      async () => ({
        method: 'POST',
        path: '/v1/orders/nope/deliver',
        headers: { 'idempotency-key': freshKey(), 'if-match': 'W/"1"' },
      }),
    ],
    [
      '412',
      412,
      'version_mismatch',
      async () => ({
        method: 'POST',
        path: `/v1/orders/${(await http.place()).id}/deliver`,
        headers: { 'idempotency-key': freshKey(), 'if-match': 'W/"1"' },
      }),
    ],
    [
      '409',
      409,
      'order_state_conflict',
      async () => ({
        method: 'POST',
        path: `/v1/orders/${(await http.place()).id}/deliver`,
        headers: { 'idempotency-key': freshKey() },
      }),
    ],
  ];
  const used = async (): Promise<string> => {
    const key = freshKey();
    await http.post('/v1/orders', orderBody(), { 'idempotency-key': key });
    return key;
  };

  test.each(cases)('%s: %d %s', async (_title, status, code, request) => {
    const answer = await http.send(await request());
    expect(answer).toMatchObject({ status, json: { status, code } });
  });

  test('a replay comes before the state, and before If-Match', async () => {
    const order = await http.place();
    const headers = { 'idempotency-key': freshKey(), 'if-match': '"1"' };
    const first = await http.post(`/v1/orders/${order.id}/cancel`, {}, headers);
    const again = await http.post(`/v1/orders/${order.id}/cancel`, {}, { ...headers, 'if-match': 'W/"1"' });
    expect(first.status).toBe(200);
    expect(again).toMatchObject({ status: 200, text: first.text });
  });
});

describe('paths', () => {
  test.each([
    '/',
    '/v1',
    '/v1/',
    '/v1/orders/',
    '/V1/orders',
    '/v1/Orders',
    '//v1/orders',
    '/v1//orders',
    '/v1/orders/x/',
    '/v1/orders/x/events/',
    '/v1/orders/x/unknown',
    '/v1/orders/x/cancel/y',
    '/v1/orders/../../livez/x',
    '/v1/callbacks',
    '/livez/',
    '/index.html',
    '/%76%31/orders%00',
    `/${'x'.repeat(10_000)}`,
  ])('%s is 404', async (path) => {
    for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
      const answer = await http.send({ method, path, ...(method === 'POST' ? { body: '{}' } : {}) });
      expect(answer).toMatchObject({ status: 404, json: { code: 'not_found', instance: path } });
      expect(answer.headers['content-type']).toBe('application/problem+json');
    }
  });

  test.each(['GET *', 'GET http://', 'GET http://[', 'GET ftp://x/', 'GET x', 'GET /v1/orders#part'])(
    '%s is not a target that is known: 400 or 404, never HTML',
    async (line) => {
      const text = await http.client.raw(`${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      expect(text).toMatch(/^HTTP\/1\.1 40[04] /);
      expect(text).toContain('application/problem+json');
    },
  );

  test('an absolute target is the same as its path', async () => {
    const text = await http.client.raw('GET http://x/livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
  });

  test.each([
    '/v1/orders/%zz',
    '/v1/orders/%',
    '/v1/orders/%ff',
    '/v1/orders/%c0%af',
    '/%E0%A4%A',
    '/livez%',
    '/v1/orders/%ed%a0%80/cancel',
  ])('%s cannot be decoded: 400, and the connection is closed', async (path) => {
    const text = await http.client.raw(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toMatch(/\r\nConnection: close\r\n/i);
    expect(text).toContain('"code":"bad_request"');
  });

  test('an escaped path is the path it stands for', async () => {
    const order = await http.place();
    const escaped = [...order.id].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('');
    expect((await http.send({ path: `/v1/orders/${escaped}` })).json.id).toBe(order.id);
  });
});

describe('methods', () => {
  test.each([
    ['/v1/orders', 'GET, HEAD, POST', ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'QUERY']],
    ['/v1/orders/x', 'GET, HEAD', ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']],
    ['/v1/orders/x/events', 'GET, HEAD', ['POST', 'DELETE', 'OPTIONS']],
    ['/v1/orders/x/cancel', 'POST', ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']],
    ['/v1/orders/x/ship', 'POST', ['GET', 'PUT']],
    ['/v1/orders/x/deliver', 'POST', ['GET', 'PUT']],
    ['/v1/orders/x/refund', 'POST', ['GET', 'PUT']],
    ['/v1/events', 'GET, HEAD', ['POST', 'PUT', 'OPTIONS']],
    ['/livez', 'GET, HEAD', ['POST', 'OPTIONS']],
    ['/readyz', 'GET, HEAD', ['POST', 'OPTIONS']],
  ])('%s allows %s', async (path, allow, methods) => {
    for (const method of methods) {
      const answer = await http.send({ method, path });
      expect(answer.status).toBe(405);
      expect(answer.headers.allow).toBe(allow);
      if (method !== 'HEAD') expect(answer.json).toMatchObject({ code: 'method_not_allowed' });
    }
  });
});

describe('health', () => {
  test('livez speaks for the process, readyz for the database too', async () => {
    expect(await http.send({ path: '/livez' })).toMatchObject({ status: 200, json: { status: 'ok' } });
    expect(await http.send({ path: '/readyz' })).toMatchObject({ status: 200, json: { status: 'ok' } });
    http.health.databaseAnswers = false;
    expect(await http.send({ path: '/livez' })).toMatchObject({ status: 200 });
    const answer = await http.send({ path: '/readyz' });
    expect(answer).toMatchObject({
      status: 503,
      json: { code: 'unavailable', detail: 'The database does not answer.' },
    });
    http.health.databaseAnswers = true;
  });
});
