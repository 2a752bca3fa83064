import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freshKey, type HttpHarness, orderBody, startHttp } from '../support/httpHarness.ts';

let http: HttpHarness;
beforeAll(async () => {
  http = await startHttp({ limits: { headersTimeoutMs: 300, requestTimeoutMs: 600 } });
});
afterAll(() => http.close());

const post =
  'POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n';
const expectRefused = (text: string, status = 400, code = 'bad_request'): void => {
  expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(text).toMatch(/\r\nConnection: close\r\n/i);
  expect(text).toContain('Content-Type: application/problem+json');
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  expect(Number(/Content-Length: (\d+)/i.exec(head)?.[1])).toBe(body.length);
  expect(JSON.parse(body)).toMatchObject({ status, code, traceId: expect.stringMatching(/^[0-9a-f]{32}$/) });
  expect(text.match(/^HTTP\/1\.1 \d/gm)).toHaveLength(1);
};

describe('what two servers in a row could read in two ways is 400, and the connection is closed', () => {
  test.each([
    [
      'Content-Length and Transfer-Encoding',
      `${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      'Transfer-Encoding and Content-Length',
      `${post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`,
    ],
    ['Content-Length twice, the same', `${post}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`],
    ['Content-Length twice, different', `${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} `],
    ['a list of lengths', `${post}Content-Length: 2, 2\r\n\r\n{}`],
    ['a signed length', `${post}Content-Length: +2\r\n\r\n{}`],
    ['a length in hexadecimal', `${post}Content-Length: 0x2\r\n\r\n{}`],
    ['a chunk size that is none', `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`],
    ['a chunk that is longer than it says', `${post}Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n`],
    ['chunks ended by line feeds', `${post}Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n`],
    [
      'a chunk size beyond 64 bits',
      `${post}Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n`,
    ],
    ['a coding that looks like chunked', `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ['two codings', `${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ['chunked that is not last', `${post}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`],
    [
      'Transfer-Encoding twice',
      `${post}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['chunked in HTTP/1.0', `${post.replace('1.1', '1.0')}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a folded header', `${post}X-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}`],
    ['a folded Transfer-Encoding', `${post}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`],
    ['a blank before the colon', `${post}Content-Length : 2\r\n\r\n{}`],
    ['a bare carriage return', `${post}X-A: a\rContent-Length: 2\r\n\r\n{}`],
    ['lines ended by line feeds', post.replaceAll('\r\n', '\n')],
    ['NUL in a header', `${post}X-A: a\0b\r\nContent-Length: 2\r\n\r\n{}`],
    ['no Host', 'GET /livez HTTP/1.1\r\n\r\n'],
    ['two Hosts', 'GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['a method that is none', 'BREW /livez HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a version that is none', 'GET /livez HTTP/3.7\r\nHost: x\r\n\r\n'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a tunnel', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a blank in the path', 'GET /li vez HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ])('%s', async (_title, bytes) => {
    expectRefused(await http.client.raw(Buffer.from(bytes, 'latin1')));
  });

  test('the request that was smuggled behind is not run', async () => {
    const key = freshKey();
    const body = JSON.stringify(orderBody({ customerId: 'smuggled' }));
    const inner = `POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: ${key}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    expectRefused(
      await http.client.raw(
        `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
      ),
    );
    const { json } = await http.send({ path: '/v1/orders?customerId=smuggled' });
    expect(json.items).toEqual([]);
  });
});

test.each([
  ['a header', `GET /livez HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(17_000)}\r\n\r\n`],
  [
    'many headers',
    `GET /livez HTTP/1.1\r\nHost: x\r\n${Array.from({ length: 2_500 }, (_, n) => `X-${n}: aaa`).join('\r\n')}\r\n\r\n`,
  ],
  ['a path', `GET /${'a'.repeat(17_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
])('%s beyond 16 KiB is 431, and the connection is closed', async (_title, bytes) => {
  expectRefused(await http.client.raw(bytes), 431, 'headers_too_large');
});

test('however many headers there are, none is lost', async () => {
  const many = Array.from({ length: 2_500 }, (_, n) => `${n.toString(36)}:`).join('\r\n');
  const text = await http.client.raw(
    `GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${many}\r\nX-Request-Id: last\r\n\r\n`,
  );
  expect(text).toContain('X-Request-Id: last');
});

describe('a connection with several requests', () => {
  const order = JSON.stringify(orderBody());
  const whole = () =>
    `POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: ${freshKey()}\r\nContent-Length: ${order.length}\r\n\r\n${order}`;

  test('pipelined requests are answered in their order', async () => {
    const text = await http.client.raw(
      `${whole()}GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual([
      '201',
      '200',
      '404',
    ]);
  });

  test('garbage after a request is refused after its answer', async () => {
    const text = await http.client.raw(`${whole()}garbage\r\n\r\n`);
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['201', '400']);
  });

  test('a client that waits for 100 Continue gets it when its headers are accepted', async () => {
    const head = whole().replace('\r\n\r\n', '\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n');
    const [headers = ''] = head.split('{', 1);
    const socket = connect(http.port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk;
    });
    socket.write(headers);
    await eventually(() => expect(text).toBe('HTTP/1.1 100 Continue\r\n\r\n'));
    socket.write(order);
    await eventually(() => expect(text).toMatch(/HTTP\/1\.1 201 /));
    socket.destroy();
  });

  test('and when they are refused, its connection is closed: nobody knows whether the body will come', async () => {
    const text = await http.client.raw(
      'POST /nowhere HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n',
    );
    expect(text).toMatch(/^HTTP\/1\.1 404 /);
    expect(text).toMatch(/\r\nConnection: close\r\n/i);
  });

  test('a body that was not wanted does not become the next request', async () => {
    const text = await http.client.raw(
      'POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 36\r\n\r\n',
      'GET /livez HTTP/1.1\r\nHost: hidden\r\n\r\n',
      'GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['404', '200']);
  });
});

describe('slow clients', () => {
  test('headers that do not arrive in time are 408', async () => {
    expectRefused(await http.client.raw('GET /livez HTTP/1.1\r\nHost: x\r\nX-A: '), 408, 'request_timeout');
  });

  test('a body that does not arrive in time is 408', async () => {
    expectRefused(await http.client.raw(`${post}Content-Length: 100\r\n\r\n{`), 408, 'request_timeout');
  });

  test('a client that goes in the middle of its body disturbs nobody', async () => {
    const socket = connect(http.port, '127.0.0.1');
    socket.write(`${post}Content-Length: 100\r\n\r\n{`);
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.resetAndDestroy();
    await eventually(
      () =>
        new Promise<void>((resolve, reject) => {
          http.http.server.getConnections((error, count) =>
            error === null && count <= 1 ? resolve() : reject(new Error(`${count} open`)),
          );
        }),
    );
    expect((await http.send({ path: '/livez' })).status).toBe(200);
    expect(http.logger.entries.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  });
});
