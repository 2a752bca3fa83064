import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpHarness, startHttp } from '../support/httpHarness.ts';

let http: HttpHarness;
beforeAll(async () => {
  http = await startHttp();
});
afterAll(() => http.close());

const get = (path: string, method = 'GET') => http.client.send({ method, path });

describe('GET /v1/loyalty/{customerId}', () => {
  test('a customer who never earned anything has no points', async () => {
    const answer = await get('/v1/loyalty/c-42');
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ customerId: 'c-42', points: 0, entries: [] });
  });

  test('an id is taken as it is, percent-encoded in the path', async () => {
    expect((await get('/v1/loyalty/a%2Fb%20%C3%A9')).json).toMatchObject({ customerId: 'a/b é' });
  });

  test('an id that no customer can have is not found, other methods and parameters are refused', async () => {
    expect((await get(`/v1/loyalty/${'x'.repeat(129)}`)).status).toBe(404);
    expect((await get('/v1/loyalty/c-42', 'POST')).status).toBe(405);
    expect((await get('/v1/loyalty/c-42?points=1')).status).toBe(422);
  });
});

describe('GET /v1/notifications', () => {
  test('lists nothing for an order nobody was told of', async () => {
    const answer = await get('/v1/notifications?orderId=nobody');
    expect([answer.status, answer.json]).toEqual([200, { items: [] }]);
  });

  test.each(['', '?orderId=', `?orderId=${'x'.repeat(65)}`, '?orderId=a&orderId=b'])(
    'refuses %j',
    async (query) => {
      const answer = await get(`/v1/notifications${query}`);
      expect(answer.status).toBe(422);
      expect(answer.json).toMatchObject({ errors: [{ pointer: '#/query/orderId' }] });
    },
  );
});
