import { request } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HttpRequest } from '../support/httpClient.ts';
import { freshKey, type HttpHarness, orderBody, startHttp } from '../support/httpHarness.ts';
import { propertyOptions } from '../support/properties.ts';

let http: HttpHarness;
let orderId: string;
beforeAll(async () => {
  http = await startHttp({ limits: { lingerMs: 20 } });
  orderId = (await http.place()).id;
});
afterAll(() => http.close());

const post = (path: string, body: string | Buffer, headers: HttpRequest['headers'] = {}) =>
  http.send({
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json', 'idempotency-key': freshKey(), ...headers },
    body,
  });

const codes: Record<number, readonly string[]> = {
  400: [
    'bad_request',
    'invalid_json',
    'idempotency_key_missing',
    'idempotency_key_invalid',
    'last_event_id_invalid',
  ],
  404: ['not_found'],
  405: ['method_not_allowed'],
  409: ['order_state_conflict'],
  412: ['version_mismatch'],
  413: ['body_too_large'],
  415: ['unsupported_media_type'],
  422: ['invalid_request', 'idempotency_key_reused'],
};

/** A success with JSON, or a problem whose parts agree; never a failure of ours. */
const expectSound = ({ status, headers, json }: Awaited<ReturnType<typeof post>>): void => {
  expect(status).toBeLessThan(500);
  if (status < 400) {
    expect(headers['content-type']).toBe('application/json');
    return;
  }
  expect(headers['content-type']).toBe('application/problem+json');
  expect(codes[status]).toContain(json.code);
  expect(json).toMatchObject({
    status,
    title: expect.any(String),
    detail: expect.any(String),
    traceId: expect.any(String),
  });
  if (json.code === 'invalid_request') {
    expect(json.errors.length).toBeGreaterThan(0);
    for (const { pointer } of json.errors)
      expect(pointer).toMatch(/^#(\/([\w.!*'()-]|%[0-9A-F]{2}|~[01])*)*$/);
  }
};

const commands = () => [
  '/v1/orders',
  ...['cancel', 'ship', 'deliver', 'refund'].map((name) => `/v1/orders/${orderId}/${name}`),
];
const command = fc.nat(4).map((n) => commands()[n] ?? '/v1/orders');

const awkward = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -0,
    0,
    1,
    -1,
    1.5,
    1e21,
    2 ** 53,
    '',
    ' ',
    '\0',
    '\ud800',
    '\udc00x',
    '__proto__',
    [],
    {},
    [[]],
  ),
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.double(),
  fc.jsonValue({ maxDepth: 3 }),
);

/** An order with some members made awkward, missing or new. */
const almostAnOrder = fc
  .tuple(
    fc.dictionary(
      fc.constantFrom(
        'customerId',
        'currency',
        'clientReference',
        'lines',
        'shippingAddress',
        'metadata',
        'new',
        '__proto__',
      ),
      awkward,
      { maxKeys: 3 },
    ),
    fc.array(fc.dictionary(fc.constantFrom('sku', 'quantity', 'unitPrice', 'constructor'), awkward), {
      maxLength: 3,
    }),
    fc.boolean(),
  )
  .map(([changes, lines, ownLines]) => ({ ...orderBody(), ...(ownLines ? { lines } : {}), ...changes }));

describe('property: whatever a client sends, it gets a sound answer', () => {
  test('any JSON value', async () => {
    await fc.assert(
      fc.asyncProperty(command, fc.json({ maxDepth: 6 }), async (path, text) =>
        expectSound(await post(path, text)),
      ),
      propertyOptions({ numRuns: 400 }),
    );
  });

  test('bodies that are almost right', async () => {
    await fc.assert(
      fc.asyncProperty(almostAnOrder, async (body) => {
        const answer = await post('/v1/orders', JSON.stringify(body));
        expectSound(answer);
        if (answer.status !== 201) return;
        const kept = await http.send({ path: answer.headers.location ?? '' });
        expect(kept.text).toBe(answer.text);
      }),
      propertyOptions({ numRuns: 600 }),
    );
  });

  test('any bytes, with any headers', async () => {
    const headers = fc.record(
      {
        'content-type': fc.constantFrom(
          'application/json',
          'text/plain',
          'application/json; charset=utf-8',
          'application/json; charset=x',
          '',
        ),
        'content-encoding': fc.constantFrom('gzip', 'br', 'identity', ''),
        'idempotency-key': fc.constantFrom('k', '"k"', '', 'a b', '"', 'x'.repeat(300)),
        'if-match': fc.constantFrom('"1"', '*', 'W/"1"', 'junk', ''),
        prefer: fc.constantFrom('wait=x', 'wait=0', '', ',,,', 'wait'),
        traceparent: fc.string({ maxLength: 60, unit: fc.constantFrom(...'0123456789abcdef-') }),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(command, fc.uint8Array({ maxLength: 200 }), headers, async (path, bytes, extra) => {
        expectSound(await post(path, Buffer.from(bytes), extra));
      }),
      propertyOptions({ numRuns: 400 }),
    );
  });

  test('any path and query', async () => {
    const unit = fc.constantFrom(
      ...'abcvV1/?&=%#.~+-_:;,@![]{}|^`"\'\\<>*',
      '%00',
      '%2F',
      '%ff',
      '/v1/orders',
      '/events',
      'limit=',
      'cursor=',
      'version=',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'OPTIONS'),
        fc.string({ unit, maxLength: 30 }),
        async (method, text) => {
          const path = `/${text.replace(/^v1\/events(?=$|\?)/, '')}`
            .replaceAll('//v1', '/v1')
            .replace(/^\/v1\/events/, '/v1/orders');
          const { status, type } = await new Promise<{ status: number; type: string }>((resolve, reject) => {
            const sent = request({ port: http.port, host: '127.0.0.1', method, path }, (response) => {
              response.resume();
              response.on('end', () =>
                resolve({ status: response.statusCode ?? 0, type: String(response.headers['content-type']) }),
              );
            });
            sent.on('error', reject).end();
          });
          expect(status).toBeLessThan(500);
          expect(type).toMatch(/^application\/(problem\+)?json$/);
        },
      ),
      propertyOptions({ numRuns: 500 }),
    );
  });

  test('a body in any number of pieces is the same body', async () => {
    await fc.assert(
      fc.asyncProperty(almostAnOrder, fc.array(fc.nat(400), { maxLength: 5 }), async (body, cuts) => {
        const text = Buffer.from(JSON.stringify(body));
        const whole = await post('/v1/orders', text);
        const status = await new Promise<number>((resolve, reject) => {
          const headers = {
            'content-type': 'application/json',
            'idempotency-key': freshKey(),
            'transfer-encoding': 'chunked',
          };
          const sent = request(
            { port: http.port, host: '127.0.0.1', method: 'POST', path: '/v1/orders', headers },
            (response) => {
              response.resume().on('end', () => resolve(response.statusCode ?? 0));
            },
          );
          sent.on('error', reject);
          const ends = [...cuts.toSorted((a, b) => a - b), text.length];
          for (const [n, end] of ends.entries()) sent.write(text.subarray(n === 0 ? 0 : ends[n - 1], end));
          sent.end();
        });
        expect(status).toBe(whole.status);
      }),
      propertyOptions({ numRuns: 100 }),
    );
  });
});
