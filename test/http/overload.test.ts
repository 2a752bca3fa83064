import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { StoreUnavailable } from '../../src/ports/unitOfWork.ts';
import { eventually } from '../support/eventually.ts';
import {
  freshKey,
  type HarnessOptions,
  type HttpHarness,
  orderBody,
  startHttp,
} from '../support/httpHarness.ts';

let http: HttpHarness;
const start = async (options: HarnessOptions = {}) => {
  http = await startHttp(options);
};
afterEach(() => http.close());

const unavailable = {
  status: 503,
  headers: { 'retry-after': '1' },
  json: { code: 'unavailable', status: 503 },
};

/** Lets the stores work, hold still or fail, as the test says. */
const gate = () => {
  const state = {
    open: Promise.withResolvers<void>(),
    failure: undefined as Error | undefined,
    closed: false,
  };
  return {
    pause: async (label: string): Promise<void> => {
      if (state.failure !== undefined) throw state.failure;
      if (state.closed && label.startsWith('transaction')) await state.open.promise;
    },
    hold: () => {
      state.open = Promise.withResolvers();
      state.closed = true;
    },
    release: () => {
      state.closed = false;
      state.open.resolve();
    },
    fail: (failure: Error | undefined) => {
      state.failure = failure;
    },
  };
};

describe('overload and outage', () => {
  test('a full write pipeline is 503 with Retry-After, and what was waiting is still done', async () => {
    const { pause, hold, release } = gate();
    await start({ pause, capacity: 10 });
    hold();
    const keys = Array.from({ length: 60 }, freshKey);
    const sent = keys.map((key) => http.post('/v1/orders', orderBody(), { 'idempotency-key': key }));
    const refused = await eventually(async () => {
      const answer = await http.post('/v1/orders', orderBody());
      expect(answer.status).toBe(503);
      return answer;
    }).finally(release);
    expect(refused).toMatchObject(unavailable);
    const answers = await Promise.all(sent);
    const statuses = answers.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([201, 503]));
    const again = await Promise.all(
      keys.map((key) => http.post('/v1/orders', orderBody(), { 'idempotency-key': key })),
    );
    expect(again.map(({ status }) => status).filter((status) => status !== 201 && status !== 503)).toEqual(
      [],
    );
    for (const [n, answer] of answers.entries()) {
      if (answer.status === 201 && again[n]?.status === 201) expect(again[n]?.text).toBe(answer.text);
    }
  });

  test('a database that is away is 503 for every call, and its error is not shown', async () => {
    const { pause, fail } = gate();
    await start({ pause });
    const order = await http.place();
    fail(new StoreUnavailable('connect ECONNREFUSED db.internal:5432 password=hunter2'));
    const answers = [
      await http.post('/v1/orders', orderBody()),
      await http.post(`/v1/orders/${order.id}/cancel`),
      await http.send({ path: `/v1/orders/${order.id}` }),
      await http.send({ path: `/v1/orders/${order.id}?version=1` }),
      await http.send({ path: `/v1/orders/${order.id}/events` }),
      await http.send({ path: '/v1/orders' }),
      await http.send({ path: '/v1/events' }),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject(unavailable);
      expect(answer.text).not.toMatch(/hunter2|ECONNREFUSED/);
    }
    // One line tells of them all: an outage must not fill the disk as well.
    const told = http.logger.entries.filter(({ message }) => message.includes('the database is away'));
    expect(told.map(({ level }) => level).sort()).toEqual([...Array(6).fill('debug'), 'warn']);
    fail(undefined);
    expect((await http.post(`/v1/orders/${order.id}/cancel`)).status).toBe(200);
  });

  test('a failure nobody expected is 500, logged whole and shown by its trace id only', async () => {
    const { pause, fail } = gate();
    await start({ pause });
    fail(new Error('select * from secrets'));
    const answer = await http.send({ path: '/v1/orders/some' });
    expect(answer).toMatchObject({ status: 500, json: { code: 'internal_error' } });
    expect(answer.text).not.toMatch(/secrets|stack|at /i);
    const logged = http.logger.entries.find(({ level }) => level === 'error');
    expect(logged?.fields).toMatchObject({
      traceId: answer.json.traceId,
      err: { message: 'select * from secrets' },
    });
    fail(undefined);
  });

  test('what failed is not stored: the same key does the work when the database is back', async () => {
    const { pause, fail } = gate();
    await start({ pause });
    const headers = { 'idempotency-key': freshKey() };
    fail(new StoreUnavailable('away'));
    expect((await http.post('/v1/orders', orderBody(), headers)).status).toBe(503);
    fail(undefined);
    const answer = await http.post('/v1/orders', orderBody(), headers);
    expect(answer.status).toBe(201);
    expect(answer.headers).not.toHaveProperty('idempotent-replayed');
  });
});

describe('stopping', () => {
  test('while draining every call is 503, readyz too, livez not', async () => {
    await start();
    const order = await http.place();
    http.health.draining = true;
    for (const answer of [
      await http.post('/v1/orders', orderBody()),
      await http.send({ path: `/v1/orders/${order.id}` }),
      await http.send({ path: '/v1/orders' }),
      await http.send({ path: '/v1/events' }),
      await http.send({ path: '/readyz' }),
    ]) {
      expect(answer).toMatchObject(unavailable);
    }
    expect((await http.send({ path: '/livez' })).status).toBe(200);
    expect((await http.send({ path: '/nowhere' })).status).toBe(404);
  });

  test('requests that are under way are answered, then their connections are closed', async () => {
    const { pause, hold, release } = gate();
    await start({ pause });
    hold();
    const sent = http.post('/v1/orders', orderBody());
    await new Promise((resolve) => http.http.server.once('request', resolve));
    const closed = http.http.close(5_000);
    release();
    const answer = await sent;
    expect(answer).toMatchObject({ status: 201, headers: { connection: 'close' } });
    await closed;
    await expect(http.send({ path: '/livez' })).rejects.toThrow();
  });

  test('a wait for the broker ends with the server, and the order is confirmed to the client', async () => {
    await start();
    const sent = http.post('/v1/orders', orderBody(), { prefer: 'wait=30' });
    await eventually(async () => expect((await http.stores.outbox.stats(Date.now())).pending).toBe(1));
    const begun = performance.now();
    await http.http.close(20_000);
    const answer = await sent;
    expect(answer.status).toBe(201);
    expect(answer.headers).not.toHaveProperty('preference-applied');
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  test('a wait that begins when the server closes already ends at once', async () => {
    const committed = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    await start({
      between: (orders) => ({
        ...orders,
        submit: async (request) => {
          const result = await orders.submit(request);
          committed.resolve();
          await goOn.promise;
          return result;
        },
      }),
    });
    const sent = http.post('/v1/orders', orderBody(), { prefer: 'wait=30' });
    await committed.promise;
    const begun = performance.now();
    const closed = http.http.close(20_000);
    goOn.resolve();
    expect((await sent).status).toBe(201);
    await closed;
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  test('connections that are idle, silent or in the middle of a request do not hold it up', async () => {
    await start();
    await http.send({ path: '/livez' });
    const silent = connect(http.port, '127.0.0.1');
    const half = connect(http.port, '127.0.0.1');
    half.write(
      'POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\nContent-Length: 99\r\n\r\n{',
    );
    for (const socket of [silent, half]) socket.on('error', () => undefined);
    await new Promise((resolve) => http.http.server.once('request', resolve));
    const begun = performance.now();
    await http.http.close(300);
    await http.http.close(300);
    expect(performance.now() - begun).toBeLessThan(3_000);
    silent.destroy();
    half.destroy();
  });
});
