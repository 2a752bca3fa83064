import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpHarness, startHttp } from '../support/httpHarness.ts';

let http: HttpHarness;
beforeAll(async () => {
  http = await startHttp();
});
afterAll(() => http.close());

const get = (path: string) => http.send({ path: `/v1/admin/${path}` });
const post = (path: string, body?: unknown) => http.post(`/v1/admin/${path}`, body);

describe('GET /v1/admin/outbox', () => {
  test('tells what waits, and how the relay is', async () => {
    await http.place();
    const answer = await get('outbox');
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      pending: 1,
      held: 0,
      setAside: 0,
      oldestPendingAgeSeconds: expect.any(Number),
      relay: { state: 'idle', lastSuccessAt: null },
    });
    await http.publishAll();
    expect((await get('outbox')).json).toMatchObject({
      pending: 0,
      oldestPendingAgeSeconds: null,
      relay: { lastSuccessAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) },
    });
    expect((await get('outbox?x=1')).status).toBe(422);
  });
});

describe('POST /v1/admin/outbox/retry', () => {
  test('offers what was set aside again', async () => {
    await http.place();
    const { held } = await http.stores.leases.renew('test', Date.now(), 60_000);
    const partitions = held.map(({ partition }) => partition);
    const [due] = await http.stores.outbox.readDue({ partitions, now: Date.now(), limit: 1 });
    await http.stores.outbox.setAside(due?.row ?? 0, 'too large', 'test', held);
    expect((await get('outbox')).json).toMatchObject({ pending: 0, setAside: 1 });
    expect((await post('outbox/retry')).json).toEqual({ offeredAgain: 1 });
    expect((await post('outbox/retry', {})).json).toEqual({ offeredAgain: 0 });
    expect((await get('outbox')).json).toMatchObject({ pending: 1, setAside: 0 });
    expect((await post('outbox/retry', { all: true })).status).toBe(422);
    await http.publishAll();
  });
});

describe('POST /v1/admin/relay/pause and /resume', () => {
  test('set the switch in the database, and say who did it', async () => {
    const paused = await post('relay/pause');
    expect(paused.status).toBe(200);
    expect(paused.json).toEqual({
      paused: true,
      changedAt: expect.stringMatching(/Z$/),
      changedBy: 'anonymous',
    });
    expect(await http.stores.relaySwitch.read()).toMatchObject({ paused: true });
    expect((await get('outbox')).json.relay.state).toBe('paused');
    expect((await post('relay/resume', {})).json).toMatchObject({ paused: false });
    expect((await get('outbox')).json.relay.state).toBe('idle');
    expect((await get('relay/pause')).status).toBe(405);
  });
});

describe('POST /v1/admin/replay', () => {
  test('refuses a name that no queue of a broker can have', async () => {
    for (const queue of ['é'.repeat(128), '🦊'.repeat(64)])
      expect(await post('replay', { queue })).toMatchObject({
        status: 422,
        json: { errors: [{ pointer: '#/queue' }] },
      });
  });

  test('answers with a job to poll, which can be cancelled once', async () => {
    const { id } = await http.place();
    const streams = [`orders/${id}`];
    const answer = await post('replay', { queue: 'newcomer', streams, ratePerSecond: 5 });
    expect(answer.status).toBe(202);
    expect(answer.headers.location).toBe(`/v1/admin/replays/${answer.json.id}`);
    const job = {
      id: answer.json.id,
      queue: 'newcomer',
      state: 'running',
      streams,
      from: expect.any(Number),
      until: answer.json.from + 1,
      position: answer.json.from,
      sent: 0,
      ratePerSecond: 5,
      waiting: { unpublished: 0, error: null },
      createdAt: expect.stringMatching(/Z$/),
    };
    expect(answer.json).toEqual(job);
    const path = `replays/${answer.json.id}`;
    expect((await get(path)).json).toEqual(job);
    const cancelled = { ...job, state: 'cancelled' };
    expect((await post(`${path}/cancel`, {})).json).toEqual(cancelled);
    expect((await post(`${path}/cancel`)).json).toEqual(cancelled);
  });

  test('names the streams that have no event', async () => {
    const answer = await post('replay', { queue: 'q', streams: ['orders/none'] });
    expect([answer.status, answer.json.code]).toEqual([422, 'invalid_request']);
    expect(answer.json.errors).toEqual([
      { pointer: '#/streams', code: 'unknown_stream', detail: expect.stringContaining('orders/none') },
    ]);
  });

  test.each([
    {},
    { queue: '' },
    { queue: 'q'.repeat(256) },
    { queue: 'q', from: -1 },
    { queue: 'q', from: '0' },
    { queue: 'q', streams: [] },
    { queue: 'q', streams: ['orders'] },
    { queue: 'q', ratePerSecond: 0 },
    { queue: 'q', rate: 5 },
  ])('refuses %j', async (body) => {
    const answer = await post('replay', body);
    expect([answer.status, answer.json.code]).toEqual([422, 'invalid_request']);
  });

  test('knows no job of another name', async () => {
    expect((await get('replays/none')).status).toBe(404);
    expect((await post('replays/none/cancel', {})).status).toBe(404);
  });
});

describe('GET /v1/admin/actions', () => {
  test('lists who did what and when, newest first, page by page', async () => {
    const whole = (await get('actions')).json;
    expect(whole.items.map(({ what }: { what: string }) => what)).toEqual([
      'cancel',
      'replay',
      'resume',
      'pause',
      'retry',
      'retry',
    ]);
    expect(whole.next).toBeNull();
    expect(whole.items[5]).toEqual({
      id: expect.any(String),
      at: expect.stringMatching(/Z$/),
      who: 'anonymous',
      what: 'retry',
      messages: 1,
      detail: {},
    });
    const first = (await get('actions?limit=4')).json;
    const rest = (await get(`actions?limit=4&cursor=${first.next}`)).json;
    expect([...first.items, ...rest.items]).toEqual(whole.items);
    expect(rest.next).toBeNull();
    for (const query of ['limit=0', 'cursor=abc', 'who=x'])
      expect((await get(`actions?${query}`)).status).toBe(422);
  });
});
