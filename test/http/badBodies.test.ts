import { connect } from 'node:net';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freshKey, type HttpHarness, orderBody, startHttp } from '../support/httpHarness.ts';

let http: HttpHarness;
beforeAll(async () => {
  http = await startHttp();
});
afterAll(() => http.close());

const send = (body: string | Buffer, headers = {}) =>
  http.send({
    method: 'POST',
    path: '/v1/orders',
    headers: { 'content-type': 'application/json', 'idempotency-key': freshKey(), ...headers },
    body,
  });

const valid = JSON.stringify(orderBody());
/** The valid body with a text put in place of the customer's id, quotes included. */
const withCustomer = (text: string): string => valid.replace('"c-42"', text);
const withQuantity = (text: string): string => valid.replace('"quantity":2', `"quantity":${text}`);
const nested = (depth: number): string => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;

/** The last eight bytes are checksum and size. */
const withWrongChecksum = (gzipped: Buffer): Buffer =>
  gzipped.fill(0, gzipped.length - 8, gzipped.length - 4);

const problem = (status: number, code: string) => ({
  status,
  headers: { 'content-type': 'application/problem+json' },
  json: {
    status,
    code,
    type: expect.any(String),
    title: expect.any(String),
    detail: expect.any(String),
    instance: '/v1/orders',
    traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
  },
});

describe('400 invalid_json', () => {
  test.each<[string, string | Buffer]>([
    ['malformed JSON', '{"customerId":'],
    ['a trailing comma', '{"a":1,}'],
    ['single quotes', "{'a':1}"],
    ['text after the value', `${valid} x`],
    ['two values', `${valid}${valid}`],
    ['a comment', `/* */${valid}`],
    ['NaN', withQuantity('NaN')],
    ['Infinity', withQuantity('Infinity')],
    ['a leading zero', withQuantity('01')],
    ['a control character in a string', withCustomer('"a\u0001b"')],
    ['a bad escape', withCustomer('"\\x41"')],
    ['blanks only', '   '],
    ['a string', '"text"'],
    ['a number', '42'],
    ['true', 'true'],
    ['null', 'null'],
    ['a byte order mark', `\ufeff${valid}`],
    ['UTF-16', Buffer.from(valid, 'utf16le')],
    [
      'a stray continuation byte',
      Buffer.concat([Buffer.from('{"customerId":"'), Buffer.from([0x80]), Buffer.from('"}')]),
    ],
    [
      'an overlong encoding',
      Buffer.concat([Buffer.from('{"customerId":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
    ],
    [
      'an encoded surrogate',
      Buffer.concat([Buffer.from('{"customerId":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
    ],
    [
      'a character that is cut off',
      Buffer.concat([Buffer.from('{"customerId":"'), Buffer.from([0xf0, 0x9f]), Buffer.from('"}')]),
    ],
    ['a member twice', `{"customerId":"a",${valid.slice(1)}`],
    ['a member twice, once escaped', `{"\\u0063ustomerId":"a",${valid.slice(1)}`],
    ['a member twice, deep down', withQuantity('1,"quantity":1')],
    ['__proto__ twice', `{"__proto__":1,"__proto__":1}`],
    ['nesting deeper than 32', nested(33)],
    ['nesting without end', '['.repeat(100_000)],
    ['nesting of 50,000 levels', nested(50_000)],
  ])('%s', async (_title, body) => {
    expect(await send(body)).toMatchObject(problem(400, 'invalid_json'));
  });

  test('an empty body, with a media type', async () => {
    expect(await send('', { 'content-length': 0 })).toMatchObject(problem(400, 'invalid_json'));
    expect(await send('', { 'transfer-encoding': 'chunked' })).toMatchObject(problem(400, 'invalid_json'));
  });

  test.each<[string, Buffer]>([
    ['not gzip at all', Buffer.from(valid)],
    ['gzip cut short', gzipSync(valid).subarray(0, -9)],
    ['gzip with a wrong checksum', withWrongChecksum(gzipSync(valid))],
    ['junk after the gzip stream', Buffer.concat([gzipSync(valid), Buffer.from('junk')])],
    ['zeros after the gzip stream', Buffer.concat([gzipSync(valid), Buffer.alloc(9)])],
    ['junk after several members', Buffer.concat([gzipSync(valid), gzipSync(' '), Buffer.from('junk')])],
    ['zeros and junk after the gzip stream', Buffer.concat([gzipSync(valid), Buffer.from('\0\0junk')])],
    ['a second member cut short', Buffer.concat([gzipSync(valid), gzipSync(' ').subarray(0, -9)])],
    ['a second member that has only begun', Buffer.concat([gzipSync(valid), Buffer.from([0x1f, 0x8b])])],
    [
      'a second member with a wrong checksum',
      Buffer.concat([gzipSync(valid), withWrongChecksum(gzipSync(' '))]),
    ],
    ['deflate without its header', deflateRawSync(valid)],
    ['gzip of nothing', gzipSync('')],
  ])('corrupt gzip: %s', async (_title, body) => {
    expect(await send(body, { 'content-encoding': 'gzip' })).toMatchObject(problem(400, 'invalid_json'));
  });

  test('never quotes the body', async () => {
    const { text } = await send('{"secret":"4111111111111111" oops');
    expect(text).not.toContain('4111');
  });
});

describe('colons, braces and points in strings do not count', () => {
  test.each(['"a:b"', '"{[:"', '"\\":\\""', '"\\\\"', '"1.5e3"', '":"'])('%s is fine', async (text) => {
    expect((await send(withCustomer(text))).status).toBe(201);
  });

  test('32 levels are not too deep', async () => {
    expect((await send(nested(32))).status).toBe(422);
    expect(
      (await send(valid.replace('}]', `}],"metadata":{"deep":"${'['.repeat(60)}"}`).replace(/\]?\}$/, '}')))
        .status,
    ).toBe(201);
  });
});

const line = { sku: 's', quantity: 1, unitPrice: 1 };
const address = { name: 'A', line1: 'B', postalCode: '1', city: 'C', countryCode: 'BE' };
const lines = (change: object) => orderBody({ lines: [line, { ...line, ...change }] });
const without = (name: string) =>
  Object.fromEntries(Object.entries(orderBody()).filter(([each]) => each !== name));

describe('422 invalid_request', () => {
  test.each<[string, unknown, string]>([
    ['an array', [], '#'],
    ['an array of orders', [orderBody()], '#'],
    ['no customer', without('customerId'), '#/customerId'],
    ['no currency', without('currency'), '#/currency'],
    ['no lines', without('lines'), '#/lines'],
    ['a null customer', orderBody({ customerId: null }), '#/customerId'],
    ['an empty customer', orderBody({ customerId: '' }), '#/customerId'],
    ['a customer of blanks', orderBody({ customerId: ' ' }), '#/customerId'],
    ['a blank in the customer', orderBody({ customerId: 'a b' }), '#/customerId'],
    ['a no-break space', orderBody({ customerId: 'a\u00a0b' }), '#/customerId'],
    ['a zero-width space', orderBody({ customerId: 'a\u200bb' }), '#/customerId'],
    ['a text direction mark', orderBody({ customerId: 'a\u202eb' }), '#/customerId'],
    ['a line break', orderBody({ customerId: 'a\nb' }), '#/customerId'],
    ['a customer of 65 characters', orderBody({ customerId: 'c'.repeat(65) }), '#/customerId'],
    ['a number as customer', orderBody({ customerId: 42 }), '#/customerId'],
    ['a currency that is none', orderBody({ currency: 'EUX' }), '#/currency'],
    ['a currency in small letters', orderBody({ currency: 'eur' }), '#/currency'],
    ['a currency of a member name', orderBody({ currency: 'constructor' }), '#/currency'],
    ['empty lines', orderBody({ lines: [] }), '#/lines'],
    ['101 lines', orderBody({ lines: Array.from({ length: 101 }, () => line) }), '#/lines'],
    ['lines that are an object', orderBody({ lines: { 0: line } }), '#/lines'],
    ['a line that is null', orderBody({ lines: [line, null] }), '#/lines/1'],
    ['a line without SKU', orderBody({ lines: [{ quantity: 1, unitPrice: 1 }] }), '#/lines/0/sku'],
    ['a SKU with a tab', lines({ sku: 'a\tb' }), '#/lines/1/sku'],
    ['quantity 0', lines({ quantity: 0 }), '#/lines/1/quantity'],
    ['quantity -1', lines({ quantity: -1 }), '#/lines/1/quantity'],
    ['quantity 1,000,001', lines({ quantity: 1_000_001 }), '#/lines/1/quantity'],
    ['quantity 1.5', lines({ quantity: 1.5 }), '#/lines/1/quantity'],
    ['quantity as text', lines({ quantity: '1' }), '#/lines/1/quantity'],
    ['quantity true', lines({ quantity: true }), '#/lines/1/quantity'],
    ['unitPrice -1', lines({ unitPrice: -1 }), '#/lines/1/unitPrice'],
    ['unitPrice too large', lines({ unitPrice: 1_000_000_000_001 }), '#/lines/1/unitPrice'],
    ['an unknown member of a line', lines({ price: 1 }), '#/lines/1/price'],
    ['an unknown member', orderBody({ total: 1 }), '#/total'],
    ['an unknown member that needs escaping', orderBody({ 'a/b~c d': 1 }), '#/a~1b~0c%20d'],
    ['a reference that is null', orderBody({ clientReference: null }), '#/clientReference'],
    [
      'a reference of 513 code points',
      orderBody({ clientReference: '\u{1f375}'.repeat(513) }),
      '#/clientReference',
    ],
    [
      'an address without a city',
      orderBody({ shippingAddress: { ...address, city: undefined } }),
      '#/shippingAddress/city',
    ],
    [
      'an unknown member of the address',
      orderBody({ shippingAddress: { ...address, street: 'x' } }),
      '#/shippingAddress/street',
    ],
    [
      'a country in small letters',
      orderBody({ shippingAddress: { ...address, countryCode: 'be' } }),
      '#/shippingAddress/countryCode',
    ],
    ['an address that is text', orderBody({ shippingAddress: 'here' }), '#/shippingAddress'],
    ['metadata that is an array', orderBody({ metadata: [] }), '#/metadata'],
    ['metadata that is null', orderBody({ metadata: null }), '#/metadata'],
    ['a number in the metadata', orderBody({ metadata: { a: 1 } }), '#/metadata/a'],
    ['metadata in metadata', orderBody({ metadata: { a: { b: 'c' } } }), '#/metadata/a'],
    [
      '21 pairs',
      orderBody({ metadata: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`k${n}`, 'v'])) }),
      '#/metadata',
    ],
    [
      'a key of 65 characters',
      orderBody({ metadata: { ['k'.repeat(65)]: 'v' } }),
      `#/metadata/${'k'.repeat(65)}`,
    ],
    [
      'a total that cannot be counted',
      orderBody({
        lines: Array.from({ length: 2 }, () => ({ sku: 's', quantity: 9_007, unitPrice: 1_000_000_000_000 })),
      }),
      '#/lines/1',
    ],
    [
      'a line total that cannot be counted',
      orderBody({ lines: [{ sku: 's', quantity: 1_000_000, unitPrice: 1_000_000_000_000 }] }),
      '#/lines/0',
    ],
  ])('%s', async (_title, body, pointer) => {
    const answer = await send(JSON.stringify(body));
    expect(answer).toMatchObject(problem(422, 'invalid_request'));
    expect(answer.json.errors[0]).toEqual({ pointer, code: expect.any(String), detail: expect.any(String) });
  });

  test.each([
    ['2^53 + 1, which reads as 2^53', withQuantity('9007199254740993')],
    ['1e400, which reads as Infinity', withQuantity('1e400')],
    ['1e21', withQuantity('1e21')],
    ['a fraction that reads as 1', withQuantity('1.00000000000000000000000001')],
    ['a fraction that reads as 0', valid.replace('"unitPrice":1299', '"unitPrice":1e-400')],
    ['a fraction in the metadata', valid.replace(/\}$/, ',"metadata":{"a":1.0}}')],
  ])('numbers that are not counted exactly: %s', async (_title, body) => {
    expect(await send(body)).toMatchObject(problem(422, 'invalid_request'));
  });

  test.each([
    ['the body', `{"__proto__":{},${valid.slice(1)}`, '#/__proto__'],
    ['a line', withQuantity('1,"__proto__":null'), '#/lines/0/__proto__'],
    ['the metadata', valid.replace(/\}$/, ',"metadata":{"__proto__":"x"}}'), '#/metadata'],
    ['the metadata, escaped', valid.replace(/\}$/, ',"metadata":{"\\u005f_proto__":"x"}}'), '#/metadata'],
  ])('__proto__ in %s is a member like any other, and unknown', async (_title, body, pointer) => {
    const answer = await send(body);
    expect(answer).toMatchObject(problem(422, 'invalid_request'));
    expect(answer.json.errors[0].pointer).toBe(pointer);
  });

  test.each([
    ['a lone high surrogate', '"\\ud83c"'],
    ['a lone low surrogate', '"\\udf75"'],
    ['surrogates the wrong way round', '"\\udf75\\ud83c"'],
    ['NUL', '"a\\u0000b"'],
  ])('%s is refused in every string', async (_title, text) => {
    for (const body of [
      withCustomer(text),
      valid.replace('"tea-100"', text),
      valid.replace(/\}$/, `,"clientReference":${text}}`),
      valid.replace(/\}$/, `,"metadata":{"a":${text}}}`),
      valid.replace(/\}$/, `,"metadata":{${text}:"a"}}`),
      valid.replace(/\}$/, `,${text}:"a"}`),
    ]) {
      expect(await send(body)).toMatchObject(problem(422, 'invalid_request'));
    }
  });

  test('well-formed surrogate pairs and other scripts are fine', async () => {
    const answer = await send(withCustomer('"\\ud83c\\udf75\u8336"'));
    expect(answer.json.customerId).toBe('\u{1f375}\u8336');
  });

  test('every violation is named, up to 20', async () => {
    const some = await send(
      JSON.stringify({ customerId: 1, currency: 'x', lines: [{ sku: '', quantity: 0 }], foo: 1 }),
    );
    expect(some.json.errors.map(({ pointer }: { pointer: string }) => pointer).toSorted()).toEqual([
      '#/currency',
      '#/customerId',
      '#/foo',
      '#/lines/0/quantity',
      '#/lines/0/sku',
      '#/lines/0/unitPrice',
    ]);
    const many = await send(JSON.stringify(orderBody({ lines: Array.from({ length: 100 }, () => ({})) })));
    expect(many.json.errors).toHaveLength(20);
    const once = await send(withQuantity('9007199254740993'));
    expect(once.json.errors).toHaveLength(1);
  });

  test('a body full of errors makes a small answer', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`member-${n}`, n]));
    for (const body of [
      unknown,
      orderBody({ metadata: unknown }),
      orderBody({ lines: Array(100_000).fill(0) }),
      { ['x'.repeat(200_000)]: 1 },
    ]) {
      const answer = await send(JSON.stringify(body));
      expect(answer.status).toBe(422);
      expect(answer.text.length).toBeLessThan(10_000);
    }
  });

  test.each<[string, unknown, string]>([
    ['cancel', { reason: 1 }, '#/reason'],
    ['cancel', { reason: null }, '#/reason'],
    ['cancel', { reason: 'x'.repeat(513) }, '#/reason'],
    ['cancel', { note: 'x' }, '#/note'],
    ['cancel', [], '#'],
    ['ship', {}, '#/carrier'],
    ['ship', { carrier: 'c' }, '#/trackingNumber'],
    ['ship', { carrier: 'c', trackingNumber: 't', speed: 1 }, '#/speed'],
    ['deliver', { at: 'now' }, '#/at'],
    ['refund', { amount: 0 }, '#/amount'],
    ['refund', { amount: -5 }, '#/amount'],
    ['refund', { amount: 1.5 }, '#/amount'],
    ['refund', { amount: null }, '#/amount'],
    ['refund', { amount: '1' }, '#/amount'],
    ['refund', { amount: 2 ** 53 }, '#/amount'],
  ])('%s with %j', async (name, body, pointer) => {
    const order = await http.place();
    const answer = await http.post(`/v1/orders/${order.id}/${name}`, body);
    expect(answer).toMatchObject({ status: 422, json: { code: 'invalid_request' } });
    expect(answer.json.errors[0].pointer).toBe(pointer);
  });

  test('commands take no parameters in the query', async () => {
    const answer = await http.post('/v1/orders?dryRun=true', orderBody());
    expect(answer).toMatchObject({ status: 422, json: { errors: [{ pointer: '#/query/dryRun' }] } });
  });
});

describe('413 body_too_large', () => {
  const limit = 256 * 1024;
  const padded = (size: number): string => valid.padEnd(size, ' ');

  test('256 KiB are not too large, one byte more is', async () => {
    expect((await send(padded(limit))).status).toBe(201);
    expect(await send(padded(limit + 1))).toMatchObject(problem(413, 'body_too_large'));
  });

  test('also without a declared length', async () => {
    expect((await send(padded(limit), { 'transfer-encoding': 'chunked' })).status).toBe(201);
    const answer = await send(padded(limit + 1), { 'transfer-encoding': 'chunked' });
    expect(answer).toMatchObject(problem(413, 'body_too_large'));
  });

  test('after decompression: a bomb is not even unpacked', async () => {
    expect((await send(gzipSync(padded(limit)), { 'content-encoding': 'gzip' })).status).toBe(201);
    const over = await send(gzipSync(padded(limit + 1)), { 'content-encoding': 'gzip' });
    expect(over).toMatchObject(problem(413, 'body_too_large'));
    const parts = [padded(limit), ' '].map((part) => gzipSync(part));
    const together = await send(Buffer.concat(parts), { 'content-encoding': 'gzip' });
    expect(together).toMatchObject(problem(413, 'body_too_large'));
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const before = process.memoryUsage().arrayBuffers;
    expect(await send(bomb, { 'content-encoding': 'gzip' })).toMatchObject(problem(413, 'body_too_large'));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
  });

  test.each(['content-length: 100000000', 'transfer-encoding: chunked'])(
    'comes while the client is still sending, and the connection is closed: %s',
    async (framing) => {
      const head = `POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n${framing}\r\n\r\n`;
      const piece = framing.startsWith('transfer')
        ? `10000\r\n${' '.repeat(65_536)}\r\n`
        : ' '.repeat(65_536);
      const text = await http.client.raw(head, ...Array.from({ length: 40 }, () => piece));
      expect(text).toMatch(/^HTTP\/1\.1 413 /);
      expect(text).toMatch(/\r\nConnection: close\r\n/i);
      expect(text).toContain('"code":"body_too_large"');
    },
  );

  test('a client that goes on sending is not reset, or it might never look at its answer', async () => {
    const own = await startHttp({ limits: { lingerMs: 5_000 } });
    const socket = connect({ port: own.port, host: '127.0.0.1', allowHalfOpen: true });
    let text = '';
    const failures: Error[] = [];
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', (failure) => failures.push(failure));
    socket.write(
      'POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\nContent-Length: 99999999\r\n\r\n',
    );
    await eventually(() => expect(text).toContain('body_too_large'));
    for (let n = 0; n < 200 && failures.length === 0; n += 1)
      await new Promise((resolve) => socket.write(' '.repeat(65_536), resolve));
    expect(failures).toEqual([]);
    socket.destroy();
    await own.close();
  });

  test('a client that waits for 100 Continue is spared the sending', async () => {
    const text = await http.client.raw(
      'POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n' +
        'Expect: 100-continue\r\nContent-Length: 300000\r\n\r\n',
    );
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe('415 unsupported_media_type', () => {
  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/vnd.api+json',
    'application/jsonx',
    'application/json, text/plain',
    'application/json; charset=utf-16',
    'application/json; charset=utf-7',
    'application/json; charset=latin1',
    'application/json; charset=utf-8; charset=utf-16',
    'application/json; charset',
    'application/json; charset=',
    'json',
    '',
  ])('Content-Type: %s', async (type) => {
    const answer = await send(valid, { 'content-type': type });
    expect(answer).toMatchObject(problem(415, 'unsupported_media_type'));
  });

  test('no Content-Type', async () => {
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const answer = await http.send({
        method: 'POST',
        path: '/v1/orders',
        headers: { 'idempotency-key': 'k', ...headers },
        body: valid,
      });
      expect(answer).toMatchObject(problem(415, 'unsupported_media_type'));
    }
  });

  test('no Content-Type comes before the size, and nothing is asked for that would be refused', async () => {
    const head =
      'POST /v1/orders HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nTransfer-Encoding: chunked\r\n';
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
    expect(await http.client.raw(`${head}\r\n`, ...Array.from({ length: 8 }, () => chunk))).toMatch(
      /^HTTP\/1\.1 415 /,
    );
    expect(await http.client.raw(`${head}Expect: 100-continue\r\n\r\n`)).toMatch(/^HTTP\/1\.1 415 /);
  });

  test.each(['br', 'deflate', 'zstd', 'compress', 'gzip, gzip', 'x-gzip', ''])(
    'Content-Encoding: %s',
    async (encoding) => {
      const answer = await send(valid, { 'content-encoding': encoding });
      expect(answer).toMatchObject(problem(415, 'unsupported_media_type'));
    },
  );

  test.each([
    'application/json;charset=utf-8',
    'APPLICATION/JSON',
    'application/json ; charset="UTF-8"',
    'application/json; profile=x',
  ])('%s is JSON in UTF-8', async (type) => {
    expect((await send(valid, { 'content-type': type })).status).toBe(201);
  });
});
