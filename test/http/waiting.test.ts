import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freshKey, type HttpHarness, orderBody, startHttp } from '../support/httpHarness.ts';

let http: HttpHarness;
beforeAll(async () => {
  http = await startHttp();
});
afterAll(() => http.close());

describe('If-Match', () => {
  const cancel = (id: string, tag: string) => http.post(`/v1/orders/${id}/cancel`, {}, { 'if-match': tag });

  test.each([['"4"'], ['*'], ['"1", "4"'], ['W/"4", "4"']])('%j lets the command run', async (tag) => {
    const order = await http.place();
    await http.confirm(order);
    expect((await cancel(order.id, tag)).status).toBe(200);
  });

  test.each([
    '"3"',
    '"5"',
    'W/"4"',
    '4',
    '"4',
    '4"',
    '"04"',
    '"4 "',
    '""',
    '',
    '"x"',
    '"4" "4"',
    'W/4',
    '"99999999999999999999"',
    '* , "4"',
  ])('%j is 412: the order has moved on, or the tag is weak or malformed', async (tag) => {
    const order = await http.place();
    await http.confirm(order);
    const answer = await cancel(order.id, tag);
    expect(answer).toMatchObject({ status: 412, json: { code: 'version_mismatch' } });
    expect(answer.json.detail).toContain('version 4');
  });

  test('comes before the state of the order, and after its existence', async () => {
    const order = await http.place();
    const deliver = (id: string, tag: string) =>
      http.post(`/v1/orders/${id}/deliver`, {}, { 'if-match': tag });
    expect((await deliver(order.id, '"2"')).status).toBe(412);
    expect((await deliver(order.id, '"1"')).status).toBe(409);
    expect((await deliver('nope', '"1"')).status).toBe(404);
  });

  test('is ignored on POST /v1/orders', async () => {
    expect((await http.post('/v1/orders', orderBody(), { 'if-match': 'W/"7"' })).status).toBe(201);
  });

  test('of two that have seen the same version one wins', async () => {
    const order = await http.place();
    const answers = await Promise.all([cancel(order.id, '"1"'), cancel(order.id, '"1"')]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 412]);
  });
});

describe('Prefer: wait', () => {
  const place = (prefer: string | string[], key = freshKey()) =>
    http.post('/v1/orders', orderBody(), { prefer, 'idempotency-key': key });

  test('the answer comes when the messages are published, and says so', async () => {
    await http.publishAll();
    const waiting = place('wait=20');
    let answered = false;
    void waiting.then(() => {
      answered = true;
    });
    await eventually(async () =>
      expect((await http.stores.outbox.stats(Date.now())).pending).toBeGreaterThan(0),
    );
    expect(answered).toBe(false);
    await http.publishAll();
    const answer = await waiting;
    expect(answer.status).toBe(201);
    expect(answer.headers['preference-applied']).toBe('wait');
  });

  test('after the time is up the answer comes without that', async () => {
    const begun = performance.now();
    const answer = await place('wait=1');
    expect(performance.now() - begun).toBeGreaterThanOrEqual(950);
    expect(answer.status).toBe(201);
    expect(answer.headers).not.toHaveProperty('preference-applied');
  });

  test.each([
    'wait=0',
    'wait=31',
    'wait=-1',
    'wait=1.5',
    'wait=',
    'wait',
    'wait=abc',
    'waiter=5',
    'return=minimal',
    'foo; wait=5',
    '',
    'wait=99999999999',
  ])('%j is ignored', async (prefer) => {
    const begun = performance.now();
    const answer = await place(prefer);
    expect(answer.status).toBe(201);
    expect(answer.headers).not.toHaveProperty('preference-applied');
    expect(performance.now() - begun).toBeLessThan(900);
  });

  test.each([
    ['respond-async, wait=20'],
    ['WAIT = "20"'],
    ['wait=20; foo=bar'],
    [['respond-async', 'wait=20']],
    ['wait=20, wait=0'],
  ])('%j waits', async (prefer) => {
    const waiting = place(prefer);
    const answered = waiting.then(() => true);
    const publishing = eventually(async () => {
      await http.publishAll();
      expect(await Promise.race([answered, undefined])).toBe(true);
    });
    const [answer] = await Promise.all([waiting, publishing]);
    expect(answer.headers['preference-applied']).toBe('wait');
  });

  test('a replay waits too, and the header is no part of the stored answer', async () => {
    const key = freshKey();
    const first = await place('wait=1', key);
    expect(first.headers).not.toHaveProperty('preference-applied');
    await http.publishAll();
    const again = await place('wait=20', key);
    expect(again.headers).toMatchObject({ 'idempotent-replayed': 'true', 'preference-applied': 'wait' });
    const plain = await http.post('/v1/orders', orderBody(), { 'idempotency-key': key });
    expect(plain.headers).not.toHaveProperty('preference-applied');
    expect(plain.text).toBe(again.text);
  });

  test('what was refused wrote nothing, so there is nothing to wait for', async () => {
    const order = await http.place();
    await http.publishAll();
    const begun = performance.now();
    const answer = await http.post(`/v1/orders/${order.id}/deliver`, {}, { prefer: 'wait=20' });
    expect(answer.status).toBe(409);
    expect(answer.headers).not.toHaveProperty('preference-applied');
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  test('a client that goes while it waits does not disturb the service', async () => {
    const key = freshKey();
    const gone = request({
      port: http.port,
      method: 'POST',
      path: '/v1/orders',
      headers: { 'content-type': 'application/json', 'idempotency-key': key, prefer: 'wait=30' },
    });
    gone.on('error', () => undefined);
    await http.publishAll();
    gone.end(JSON.stringify(orderBody()));
    await eventually(async () =>
      expect((await http.stores.outbox.stats(Date.now())).pending).toBeGreaterThan(0),
    );
    gone.destroy();
    const again = await http.post('/v1/orders', orderBody(), { 'idempotency-key': key });
    expect(again).toMatchObject({ status: 201, headers: { 'idempotent-replayed': 'true' } });
    expect(http.logger.entries.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
