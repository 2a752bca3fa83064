import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type HttpHarness, startHttp } from '../support/httpHarness.ts';

let http: HttpHarness;
afterEach(() => http.close());

/** Sends raw bytes, and collects what comes back. */
const talk = (port: number, bytes: string) => {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let closed = false;
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  socket.on('close', () => {
    closed = true;
  });
  socket.on('error', () => undefined);
  socket.write(bytes);
  return { text: () => text, closed: () => closed, end: () => socket.destroy() };
};

const answers = (text: string): number => text.match(/HTTP\/1\.1 \d/g)?.length ?? 0;

describe('a client that sends many requests ahead', () => {
  const get = (n: number) => `GET /v1/orders?limit=${n} HTTP/1.1\r\nHost: x\r\n\r\n`;

  test('has them served one after another, and answered in order', async () => {
    let running = 0;
    let most = 0;
    http = await startHttp({
      between: (orders) => ({
        ...orders,
        list: async (query) => {
          running += 1;
          most = Math.max(most, running);
          const rows = await orders.list(query);
          await new Promise((resolve) => setImmediate(resolve));
          running -= 1;
          return rows;
        },
      }),
    });
    const client = talk(http.port, Array.from({ length: 60 }, (_, n) => get(n + 1)).join(''));
    await eventually(() => expect(answers(client.text())).toBe(60));
    expect(most).toBe(1);
    client.end();
  });

  test('is cut off when it is too far ahead', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    http = await startHttp({ between: (orders) => ({ ...orders, list: () => promise.then(() => []) }) });
    const client = talk(http.port, get(1).repeat(500));
    await eventually(() => expect(client.closed()).toBe(true));
    resolve();
  });
});

test('a page of large orders ends early, and the next one goes on without a gap', async () => {
  http = await startHttp();
  const text = '\u{1F600}'.repeat(512);
  const metadata = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`key-${n}`, text]));
  const lines = Array.from({ length: 100 }, (_, n) => ({
    sku: `${'s'.repeat(60)}${n}`,
    quantity: 1,
    unitPrice: 1,
  }));
  const placed: string[] = [];
  for (let n = 0; n < 210; n += 1) placed.unshift((await http.place({ metadata, lines })).id);
  const listed: string[] = [];
  let pages = 0;
  for (let path = '/v1/orders?limit=200'; path !== ''; pages += 1) {
    const { json, text: body } = await http.send({ method: 'GET', path });
    expect(body.length).toBeLessThan(4.2 * 1024 * 1024);
    expect(json.items.length).toBeLessThan(200);
    listed.push(...json.items.map(({ id }: { id: string }) => id));
    path = json.next === null ? '' : `/v1/orders?limit=200&cursor=${json.next}`;
  }
  expect(listed).toEqual(placed);
  expect(pages).toBeGreaterThan(1);
});

test('an expectation that is not understood is 417, as a problem', async () => {
  http = await startHttp();
  const client = talk(http.port, 'GET /livez HTTP/1.1\r\nHost: x\r\nExpect: a-miracle\r\n\r\n');
  await eventually(() => expect(client.text()).toContain('expectation_failed'));
  expect(client.text()).toMatch(/^HTTP\/1\.1 417 /);
  expect(client.text()).toContain('Content-Type: application/problem+json');
  client.end();
});

test('two Content-Type headers are 400: two readers would see two types', async () => {
  http = await startHttp();
  const head = 'POST /v1/orders HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\n';
  const types = 'Content-Type: application/json\r\nContent-Type: text/plain\r\n';
  const client = talk(http.port, `${head}${types}Content-Length: 2\r\n\r\n{}`);
  await eventually(() => expect(client.closed()).toBe(true));
  expect(client.text()).toMatch(/^HTTP\/1\.1 400 /);
});
