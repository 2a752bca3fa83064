import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StoreUnavailable } from '../../src/ports/unitOfWork.ts';
import { EventStreamClient } from '../support/eventStreamClient.ts';
import { eventually } from '../support/eventually.ts';
import { type HttpHarness, startHttp } from '../support/httpHarness.ts';

let http: HttpHarness;
const streams: EventStreamClient[] = [];
const serverSockets = new Set<Socket>();
const open = async (lastEventId?: string): Promise<EventStreamClient> => {
  const stream = await EventStreamClient.open(http.port, lastEventId);
  streams.push(stream);
  return stream;
};

beforeEach(async () => {
  http = await startHttp({ limits: { maxStreams: 3, streamHeartbeatMs: 40 } });
  serverSockets.clear();
  http.http.server.on('connection', (socket) => serverSockets.add(socket));
});
afterEach(async () => {
  for (const stream of streams.splice(0)) stream.close();
  await http.close();
});

const history = async (id: string) => (await http.send({ path: `/v1/orders/${id}/events` })).json.items;

describe('GET /v1/events', () => {
  test('is an event stream that nobody stores, with a hint when to come back', async () => {
    const stream = await open();
    expect(stream.response.statusCode).toBe(200);
    expect(stream.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
    });
    await eventually(() => expect(stream.retry).toBe('2000'));
  });

  test('without Last-Event-ID tells what happens from now on', async () => {
    await http.place();
    const stream = await open();
    const order = await http.place();
    await http.post(`/v1/orders/${order.id}/cancel`);
    const [placed, cancelled] = await stream.receive(2);
    const items = await history(order.id);
    expect(placed).toEqual({
      id: String(items[0].position),
      event: 'orderflow.order.placed.v1',
      data: { orderId: order.id, ...items[0] },
    });
    expect(cancelled).toMatchObject({
      event: 'orderflow.order.cancelled.v1',
      data: { version: 2, orderId: order.id },
    });
    expect(stream.events).toHaveLength(2);
  });

  test('from 0 tells everything, in the order of positions', async () => {
    const orders = [await http.place(), await http.place(), await http.place()];
    for (const order of orders) await http.confirm(order);
    const stream = await open('0');
    await stream.receive(12);
    const positions = stream.events.map(({ id }) => Number(id));
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    for (const order of orders) {
      const mine = stream.events.filter(({ data }) => data.orderId === order.id).map(({ data }) => data);
      expect(mine).toEqual((await history(order.id)).map((item: object) => ({ ...item, orderId: order.id })));
    }
  });

  test('resumes after Last-Event-ID: nothing twice, nothing lost, while orders keep coming', async () => {
    let writing = true;
    let placed = 0;
    const writers = Array.from({ length: 4 }, async () => {
      while (writing) {
        await http.place();
        placed += 1;
      }
    });
    const seen: string[] = [];
    let last = '0';
    while (seen.length < 300) {
      const stream = await open(last);
      await stream.receive(1 + Math.floor(Math.random() * 60));
      stream.close();
      const ids = stream.events.map(({ id }) => id);
      seen.push(...ids);
      last = ids.at(-1) ?? last;
    }
    writing = false;
    await Promise.all(writers);
    const rest = await open(last);
    await rest.receive(placed - seen.length);
    seen.push(...rest.events.map(({ id }) => id));
    const all = await http.stores.events.readAll(0, 1_000_000);
    expect(seen).toEqual(all.map(({ position }) => String(position)));
  });

  test('tells what other processes commit too, though nothing wakes it', async () => {
    const stream = await open();
    const { events } = http.stores;
    await http.stores.unitOfWork.transact(async (tx) => {
      const [first] = await events.readAll(0, 1);
      expect(first).toBeUndefined();
      const event = {
        id: crypto.randomUUID(),
        type: 'OrderPlaced',
        schemaVersion: 1,
        time: '2026-01-01T00:00:00.000Z',
        data: { customerId: 'c', currency: 'EUR', lines: [] },
        correlationId: 'c',
        causationId: 'c',
        traceparent: null,
      };
      await tx.events.append([
        { tenant: 'default', stream: 'orders/theirs', expected: 'none', events: [event] },
      ]);
    });
    const [told] = await stream.receive(1);
    expect(told?.data.orderId).toBe('theirs');
  });

  test('tells nothing of other tenants', async () => {
    const stream = await open('0');
    const cause = { tenant: 'other', correlationId: 'c', causationId: 'c', traceparent: null };
    const command = {
      type: 'PlaceOrder',
      at: new Date().toISOString(),
      customerId: 'c',
      currency: 'EUR',
      clientReference: null,
      lines: [{ sku: 's', quantity: 1, unitPrice: 1 }],
      shippingAddress: null,
      metadata: {},
    } as const;
    for (let n = 0; n < 250; n += 1) await http.orders.submit({ cause, orderId: `theirs-${n}`, command });
    const mine = await http.place();
    await stream.receive(1);
    expect(stream.events.map(({ data }) => data.orderId)).toEqual([mine.id]);
  });

  test('a commit between looking and waiting is told at once', async () => {
    await http.close();
    let looked = Promise.withResolvers<void>();
    let goOn = Promise.withResolvers<void>();
    goOn.resolve();
    http = await startHttp({
      between: (orders) => ({
        ...orders,
        feed: async (...query) => {
          const page = await orders.feed(...query);
          looked.resolve();
          await goOn.promise;
          return page;
        },
      }),
    });
    const stream = await open();
    [looked, goOn] = [Promise.withResolvers(), Promise.withResolvers()];
    await looked.promise;
    await http.place();
    const committed = performance.now();
    goOn.resolve();
    await stream.receive(1);
    expect(performance.now() - committed).toBeLessThan(500);
  });

  test('an idle stream gets a comment now and then', async () => {
    const stream = await open();
    await eventually(() => expect(stream.comments.length).toBeGreaterThanOrEqual(3));
    expect(stream.events).toEqual([]);
  });

  test('a position that does not exist yet is waited for', async () => {
    for (const id of ['9007199254740991', '99999999999999999999999']) {
      const stream = await open(id);
      expect(stream.response.statusCode).toBe(200);
      stream.close();
    }
    const order = await http.place();
    const [{ position }] = await history(order.id);
    const stream = await open(String(position));
    const next = await http.place();
    const [told] = await stream.receive(1);
    expect(told?.data.orderId).toBe(next.id);
  });

  test.each(['', 'abc', '-1', '1.5', '0x1', '1 2', '+1', '1e3', '1,2'])(
    'Last-Event-ID %j is 400',
    async (id) => {
      const answer = await http.send({ path: '/v1/events', headers: { 'last-event-id': id } });
      expect(answer).toMatchObject({ status: 400, json: { code: 'last_event_id_invalid' } });
    },
  );

  test('takes no parameters, and HEAD opens nothing', async () => {
    expect(await http.send({ path: '/v1/events?after=1' })).toMatchObject({ status: 422 });
    const head = await http.send({ method: 'HEAD', path: '/v1/events' });
    expect(head).toMatchObject({ status: 200, headers: { 'content-type': 'text/event-stream' } });
  });
});

describe('event streams and their limits', () => {
  test('one too many is 503, until another has gone', async () => {
    const opened = [await open(), await open(), await open()];
    const answer = await http.send({ path: '/v1/events' });
    expect(answer).toMatchObject({
      status: 503,
      json: { code: 'unavailable' },
      headers: { 'retry-after': '1' },
    });
    opened[0]?.close();
    await eventually(async () => expect((await open()).response.statusCode).toBe(200));
  });

  test('a client that does not read is sent no more than fits, and then everything', async () => {
    const big = 'x'.repeat(512);
    const metadata = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`k${n}`, big]));
    const socket = connect(http.port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.write('GET /v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 0\r\n\r\n');
    await eventually(() => expect(text).toContain('retry:'));
    socket.pause();
    for (let n = 0; n < 60; n += 1) {
      await Promise.all(Array.from({ length: 40 }, () => http.place({ metadata })));
    }
    const held = [...serverSockets].reduce((sum, { writableLength }) => sum + writableLength, 0);
    // 2,400 events of more than 10 KB each were written; of these one page of 200 may be held.
    expect(held).toBeLessThan(200 * 14_000);
    socket.resume();
    await eventually(() => expect(text.match(/^event: /gm)).toHaveLength(2_400), { timeoutMs: 20_000 });
    socket.destroy();
  });

  test('the database going away before the stream begins is 503; later it ends the stream', async () => {
    await http.close();
    let broken = false;
    http = await startHttp({
      pause: async (label) => {
        if (!broken || label.startsWith('transaction')) return;
        throw new StoreUnavailable('away');
      },
    });
    const stream = await open();
    broken = true;
    await eventually(() => expect(stream.ended).toBe(true));
    expect(await http.send({ path: '/v1/events' })).toMatchObject({
      status: 503,
      json: { code: 'unavailable' },
    });
    broken = false;
    expect((await open()).response.statusCode).toBe(200);
  });

  test('streams end when the server closes, and their clients come back elsewhere', async () => {
    const opened = [await open(), await open('0')];
    const begun = performance.now();
    await http.http.close(5_000);
    expect(performance.now() - begun).toBeLessThan(3_000);
    await eventually(() => expect(opened.map(({ ended }) => ended)).toEqual([true, true]));
  });
});
