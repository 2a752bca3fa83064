import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpHarness, startHttp } from '../support/httpHarness.ts';

let http: HttpHarness;
beforeAll(async () => {
  http = await startHttp();
  const letters = Array.from({ length: 5 }, (_, index) => ({
    id: `letter-${index}`,
    tenant: 'default',
    queue: index === 4 ? 'orderflow.inventory' : 'orderflow.orders',
    messageId: `m-${index}`,
    reason: index === 0 ? 'expired' : 'refused',
    error: 'no such order',
    attempts: 1,
    type: 'orderflow.inventory.stock-reserved.v1',
    source: index === 1 ? '' : '/orderflow/reservations/1',
    sequence: index === 1 ? null : 1,
    firstSeen: Date.parse('2026-11-23T05:00:00.000Z'),
    foundAt: Date.parse('2026-11-23T05:00:01.000Z'),
    redrivable: true,
    message: JSON.stringify({
      id: `m-${index}`,
      type: 't',
      contentType: 'application/cloudevents+json',
      payload: '{"specversion":"1.0"}',
      timestamp: 0,
      headers: { tenant: 'default', 'x-orderflow-reason': 'refused' },
    }),
  }));
  await http.stores.deadLetters.keep([...letters, { ...letters[0]!, id: 'foreign', tenant: 'other' }]);
});
afterAll(() => http.close());

const list = (query = '') => http.send({ path: `/v1/admin/dead-letters${query}` });
const idsOf = ({ json }: { json: { items: { id: string }[] } }): string[] => json.items.map(({ id }) => id);

describe('GET /v1/admin/dead-letters', () => {
  test('lists what was set aside, newest first', async () => {
    const answer = await list();
    expect(answer.status).toBe(200);
    expect(idsOf(answer)).toEqual(['letter-4', 'letter-3', 'letter-2', 'letter-1', 'letter-0']);
    expect(answer.json.next).toBeNull();
    expect(answer.json.items[0]).toEqual({
      id: 'letter-4',
      queue: 'orderflow.inventory',
      messageId: 'm-4',
      reason: 'refused',
      error: 'no such order',
      type: 'orderflow.inventory.stock-reserved.v1',
      source: '/orderflow/reservations/1',
      sequence: 1,
      attempts: 1,
      firstSeen: '2026-11-23T05:00:00.000Z',
      lastSeen: '2026-11-23T05:00:01.000Z',
    });
    expect(answer.json.items[3]).toMatchObject({ source: null, sequence: null });
  });

  test('filters, and goes on page by page', async () => {
    expect(idsOf(await list('?queue=orderflow.inventory'))).toEqual(['letter-4']);
    expect(idsOf(await list('?reason=expired'))).toEqual(['letter-0']);
    expect(idsOf(await list('?type=none'))).toEqual([]);
    const first = await list('?reason=refused&limit=3');
    expect(idsOf(first)).toEqual(['letter-4', 'letter-3', 'letter-2']);
    const rest = await list(`?reason=refused&limit=3&cursor=${first.json.next}`);
    expect(idsOf(rest)).toEqual(['letter-1']);
    expect(rest.json.next).toBeNull();
    expect((await list(`?reason=expired&cursor=${first.json.next}`)).status).toBe(422);
  });

  test.each(['?queu=x', '?limit=0', '?limit=201', '?cursor=abc', '?queue=a&queue=b'])(
    'refuses %s',
    async (query) => {
      const answer = await list(query);
      expect([answer.status, answer.json.code]).toEqual([422, 'invalid_request']);
    },
  );

  test('takes no other method', async () => {
    const answer = await http.send({ path: '/v1/admin/dead-letters', method: 'DELETE' });
    expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD']);
  });
});

describe('GET /v1/admin/dead-letters/{id}', () => {
  test('shows headers and payload', async () => {
    const answer = await http.send({ path: '/v1/admin/dead-letters/letter-2' });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({
      id: 'letter-2',
      contentType: 'application/cloudevents+json',
      payload: '{"specversion":"1.0"}',
      headers: { tenant: 'default', 'x-orderflow-reason': 'refused' },
    });
  });

  test.each(['nothing', 'foreign', '%00', 'a'.repeat(300)])('is 404 for %s', async (id) => {
    const answer = await http.send({ path: `/v1/admin/dead-letters/${id}` });
    expect([answer.status, answer.json.code]).toEqual([404, 'not_found']);
  });
});

const post = (path: string, body: unknown) => http.post(`/v1/admin/${path}`, body);

describe('POST /v1/admin/dead-letters/redrive', () => {
  test('answers with a job to poll, which can be cancelled once', async () => {
    const answer = await post('dead-letters/redrive', {
      filter: { reason: 'refused' },
      limit: 3,
      ratePerSecond: 10,
    });
    expect(answer.status).toBe(202);
    const { id } = answer.json;
    expect(answer.headers.location).toBe(`/v1/admin/redrive-jobs/${id}`);
    const job = { id, state: 'running', total: 3, done: 0, skipped: 0, limit: 3, ratePerSecond: 10 };
    expect(answer.json).toMatchObject(job);
    expect((await http.send({ path: `/v1/admin/redrive-jobs/${id}` })).json).toMatchObject(job);
    const cancelled = { ...job, state: 'cancelled' };
    expect((await post(`redrive-jobs/${id}/cancel`, {})).json).toMatchObject(cancelled);
    expect((await post(`redrive-jobs/${id}/cancel`, undefined)).json).toMatchObject(cancelled);
    const actions = await http.stores.actions.list({ tenant: 'default', limit: 10 });
    expect(actions.map(({ what, who, messages }) => [what, who, messages])).toEqual([
      ['cancel', 'anonymous', 3],
      ['redrive', 'anonymous', 3],
    ]);
  });

  test.each([
    {},
    { ids: [] },
    { ids: ['a'], filter: {} },
    { filter: { qeue: 'x' } },
    { filter: {}, limit: 0 },
    { filter: {}, ratePerSecond: 1.5 },
    { ids: Array.from({ length: 1_001 }, (_, index) => `id-${index}`) },
  ])('refuses %j', async (body) => {
    const answer = await post('dead-letters/redrive', body);
    expect([answer.status, answer.json.code]).toEqual([422, 'invalid_request']);
  });

  test('knows no job of another name', async () => {
    expect((await http.send({ path: '/v1/admin/redrive-jobs/none' })).status).toBe(404);
    expect((await post('redrive-jobs/none/cancel', {})).status).toBe(404);
  });
});

describe('POST /v1/admin/dead-letters/discard', () => {
  test('gives letters up with a reason, once, and records it', async () => {
    const body = { ids: ['letter-0', 'letter-1', 'nobody', 'foreign'], reason: 'test data' };
    expect((await post('dead-letters/discard', body)).json).toEqual({ discarded: 2 });
    expect((await post('dead-letters/discard', body)).json).toEqual({ discarded: 0 });
    expect(idsOf(await list())).toEqual(['letter-4', 'letter-3', 'letter-2']);
    const [action] = await http.stores.actions.list({ tenant: 'default', limit: 1 });
    expect(action).toMatchObject({ what: 'discard', who: 'anonymous', messages: 2 });
    expect(JSON.parse(action?.detail ?? '')).toMatchObject({ reason: 'test data' });
  });

  test.each([{ ids: ['a'] }, { ids: ['a'], reason: '' }, { reason: 'x' }])('refuses %j', async (body) => {
    expect((await post('dead-letters/discard', body)).status).toBe(422);
  });
});
