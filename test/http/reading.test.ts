import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpHarness, startHttp } from '../support/httpHarness.ts';

let http: HttpHarness;
let order: { readonly id: string; readonly total: number };
beforeAll(async () => {
  http = await startHttp();
  order = await http.place();
  await http.confirm(order);
});
afterAll(() => http.close());

const read = (query = '', headers = {}) => http.send({ path: `/v1/orders/${order.id}${query}`, headers });

describe('GET /v1/orders/{id}', () => {
  test('answers the order now, with its version as a strong tag', async () => {
    const answer = await read();
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ etag: '"4"', 'content-type': 'application/json' });
    expect(answer.json).toMatchObject({ id: order.id, version: 4, status: 'confirmed', payment: 'captured' });
  });

  test('answers the order as it was at any version', async () => {
    expect((await read('?version=1')).json).toEqual(order);
    for (const [version, status] of ['pending', 'pending', 'pending', 'confirmed'].entries()) {
      const answer = await read(`?version=${version + 1}`);
      expect(answer.json).toMatchObject({ version: version + 1, status });
      expect(answer.headers.etag).toBe(`"${version + 1}"`);
    }
    expect((await read('?version=4')).text).toBe((await read()).text);
  });

  test.each(['5', '999999', '9007199254740991', '9007199254740993', '99999999999999999999'])(
    'a version beyond the present, such as %s, is 404',
    async (version) => {
      expect(await read(`?version=${version}`)).toMatchObject({ status: 404, json: { code: 'not_found' } });
    },
  );

  test.each(['0', '-1', '1.5', '1e0', '01', '%2B1', 'one', '', '1%20', '0x1', 'NaN'])(
    'a version that is no integer from 1 on, such as "%s", is 422',
    async (version) => {
      const answer = await read(`?version=${version}`);
      expect(answer).toMatchObject({ status: 422, json: { code: 'invalid_request' } });
      expect(answer.json.errors[0].pointer).toBe('#/query/version');
    },
  );

  test.each([
    ['?version=1&version=1', '#/query/version'],
    ['?versoin=1', '#/query/versoin'],
    ['?__proto__=1', '#/query/__proto__'],
    ['?a%2Fb=1', '#/query/a~1b'],
    ['?version=%ff', '#/query'],
  ])('parameters that are unknown, repeated or undecodable are 422: %s', async (query, pointer) => {
    expect((await read(query)).json).toMatchObject({ status: 422, errors: [{ pointer }] });
  });

  test('keeps no copies without asking', async () => {
    expect((await read()).headers['cache-control']).toBe('private, no-cache');
  });

  test('HEAD is GET without the body', async () => {
    const get = await read();
    const head = await http.send({ method: 'HEAD', path: `/v1/orders/${order.id}` });
    expect(head.status).toBe(200);
    expect(head.text).toBe('');
    expect(head.headers.etag).toBe(get.headers.etag);
    expect(head.headers['content-length']).toBe(get.headers['content-length']);
  });
});

describe('If-None-Match', () => {
  test.each(['"4"', 'W/"4"', '"1", "4"', '"x",W/"4" , "y"', '*', ' * '])('%s is 304', async (tag) => {
    const answer = await read('', { 'if-none-match': tag });
    expect(answer.status).toBe(304);
    expect(answer.text).toBe('');
    expect(answer.headers.etag).toBe('"4"');
    expect(answer.headers).not.toHaveProperty('content-type');
    expect(answer.headers).not.toHaveProperty('content-length');
  });

  test.each(['"3"', '"44"', '4', '"4', 'W/4', '"3", "5"', '', 'w/"4"', '"4" "5"'])(
    '%j is 200',
    async (tag) => {
      expect((await read('', { 'if-none-match': tag })).status).toBe(200);
    },
  );

  test('compares with the version that was asked for', async () => {
    expect((await read('?version=2', { 'if-none-match': '"2"' })).status).toBe(304);
    expect((await read('?version=2', { 'if-none-match': '"4"' })).status).toBe(200);
  });

  test('an order that does not exist is 404 all the same', async () => {
    const answer = await http.send({ path: '/v1/orders/nope', headers: { 'if-none-match': '*' } });
    expect(answer.status).toBe(404);
  });
});

describe('GET /v1/orders/{id}/events', () => {
  test('answers the history in public names and shapes', async () => {
    const answer = await http.send({ path: `/v1/orders/${order.id}/events` });
    expect(answer.status).toBe(200);
    expect(answer.json.items.map((item: { type: string }) => item.type)).toEqual([
      'orderflow.order.placed.v1',
      'orderflow.order.stock-reserved.v1',
      'orderflow.order.payment-captured.v1',
      'orderflow.order.confirmed.v1',
    ]);
    const [first, second] = answer.json.items;
    expect(Object.keys(first)).toEqual([
      ...['version', 'position', 'id', 'type', 'time', 'data', 'correlationId', 'causationId'],
    ]);
    expect(first.data).toEqual(order);
    expect(second).toMatchObject({ version: 2, data: { orderId: order.id, stock: 'reserved' } });
    const positions = answer.json.items.map((item: { position: number }) => item.position);
    expect(positions).toEqual(positions.toSorted((a: number, b: number) => a - b));
  });

  test('takes no parameters', async () => {
    const answer = await http.send({ path: `/v1/orders/${order.id}/events?limit=1` });
    expect(answer).toMatchObject({ status: 422, json: { errors: [{ pointer: '#/query/limit' }] } });
  });
});
