import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpAnswer, HttpRequest } from '../../support/httpClient.ts';
import { type HttpHarness, startHttp } from '../../support/httpHarness.ts';
import {
  captured,
  freshId,
  nowSeconds,
  secretOf,
  sendCallback,
  signature,
  signedHeaders,
} from '../../support/webhooks.ts';

describe('callbacks that are not taken', () => {
  let api: HttpHarness;
  beforeAll(async () => {
    api = await startHttp({
      providers: new Map([
        ['acme', { scheme: 'standard', secrets: [secretOf('acme')] }],
        ['other', { scheme: 'standard', secrets: [secretOf('other')] }],
      ]),
      limits: { requestTimeoutMs: 1_000, headersTimeoutMs: 500 },
    });
  });
  afterAll(() => api.close());

  const send = (headers: HttpRequest['headers'], body: string | Buffer, provider = 'acme') =>
    api.send({
      method: 'POST',
      path: `/v1/callbacks/${provider}`,
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
  const order = async (id: string) => (await api.send({ path: `/v1/orders/${id}` })).json;
  const rows = () => api.stores.callbacks.list({ tenant: 'default', limit: 1_000 });
  const body = JSON.stringify(captured({ id: 'nobody', total: 1 }));

  /** Signs by hand whatever the id and the timestamp are. */
  const by = (id: string, timestamp: string, signed: string | Buffer = body, secret?: string) => ({
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signature(id, timestamp, signed, secret),
  });
  const without = (name: string) => {
    const { [name]: _, ...rest } = by(freshId(), nowSeconds()) as Record<string, string>;
    return rest;
  };
  const secondsFromNow = (seconds: number): string => String(Number(nowSeconds()) + seconds);

  const forgeries: readonly (readonly [string, () => Promise<HttpAnswer>])[] = [
    ['no headers at all', () => send({}, body)],
    ['no id', () => send(without('webhook-id'), body)],
    ['no timestamp', () => send(without('webhook-timestamp'), body)],
    ['no signature', () => send(without('webhook-signature'), body)],
    ['an empty signature', () => send({ ...by(freshId(), nowSeconds()), 'webhook-signature': '' }, body)],
    ['an empty id', () => send(by('', nowSeconds()), body)],
    ['a secret of somebody else', () => send(by(freshId(), nowSeconds(), body, secretOf('evil')), body)],
    ['the secret of another provider', () => send(by(freshId(), nowSeconds()), body, 'other')],
    ['another body', () => send(by(freshId(), nowSeconds()), body.replace('1', '2'))],
    ['a body with a blank more', () => send(by(freshId(), nowSeconds()), `${body} `)],
    ['no body', () => send(by(freshId(), nowSeconds()), '')],
    ['another id', () => send({ ...by('msg_a', nowSeconds()), 'webhook-id': 'msg_b' }, body)],
    [
      'another timestamp',
      () => send({ ...by(freshId(), nowSeconds()), 'webhook-timestamp': secondsFromNow(1) }, body),
    ],
    ['a timestamp of six minutes ago', () => send(by(freshId(), secondsFromNow(-360)), body)],
    ['a timestamp in six minutes', () => send(by(freshId(), secondsFromNow(360)), body)],
    ['a signature without a version', () => send(stripped(), body)],
    ['a signature of another version', () => send(renamed('v2,'), body)],
    ['a version in capitals', () => send(renamed('V1,'), body)],
    ['a signature in hexadecimal', () => send(reencoded('hex'), body)],
    ['a signature in base64url', () => send(reencoded('base64url'), body)],
    ['half a signature', () => send(cut(20), body)],
    ['a signature with something after it', () => send(cut(44, 'A'), body)],
    ['signatures separated by commas', () => send(joined(','), body)],
    ['two signature headers', () => send(doubled('webhook-signature'), body)],
    ['two id headers', () => send(doubled('webhook-id'), body)],
    ['two timestamp headers', () => send(doubled('webhook-timestamp'), body)],
    ...['.', 'a.b', '.a', 'a.', `a.${nowSeconds()}`].map(
      (id) => [`the id ${id}`, () => send(by(id, nowSeconds()), body)] as const,
    ),
    ['an id with a blank', () => send(by('a b', nowSeconds()), body)],
    ['an id that is too long', () => send(by('a'.repeat(256), nowSeconds()), body)],
    ...['junk', 'tail junk', '.0', '.', 'e0', ' '].map(
      (junk) =>
        [`a timestamp followed by “${junk}”`, () => send(by(freshId(), nowSeconds() + junk), body)] as const,
    ),
    ...['0', '+', '-', ' ', '0x'].map(
      (junk) =>
        [`a timestamp after “${junk}”`, () => send(by(freshId(), junk + nowSeconds()), body)] as const,
    ),
    ['a timestamp in milliseconds', () => send(by(freshId(), `${nowSeconds()}000`), body)],
    ['a timestamp in words', () => send(by(freshId(), new Date().toISOString()), body)],
    ['the timestamp zero', () => send(by(freshId(), '0'), body)],
    ['the timestamp NaN', () => send(by(freshId(), 'NaN'), body)],
    ['the timestamp Infinity', () => send(by(freshId(), 'Infinity'), body)],
  ];

  const good = () => by(freshId(), nowSeconds());
  const stripped = () => {
    const headers = good();
    return { ...headers, 'webhook-signature': headers['webhook-signature'].slice(3) };
  };
  const renamed = (version: string) => {
    const headers = stripped();
    return { ...headers, 'webhook-signature': version + headers['webhook-signature'] };
  };
  const reencoded = (encoding: 'hex' | 'base64url') => {
    const headers = stripped();
    const bytes = Buffer.from(headers['webhook-signature'], 'base64');
    return { ...headers, 'webhook-signature': `v1,${bytes.toString(encoding)}` };
  };
  const cut = (length: number, tail = '') => {
    const headers = stripped();
    return { ...headers, 'webhook-signature': `v1,${headers['webhook-signature'].slice(0, length)}${tail}` };
  };
  const joined = (separator: string) => {
    const headers = good();
    const { 'webhook-signature': one } = headers;
    return { ...headers, 'webhook-signature': `${one}${separator}${one}` };
  };
  const doubled = (name: keyof ReturnType<typeof good>) => {
    const headers = good();
    return { ...headers, [name]: [headers[name], headers[name]] };
  };

  it.each(forgeries)('%s', async (_what, attack) => {
    const before = (await rows()).length;
    const answer = await attack();
    const { traceId, ...problem } = answer.json;
    expect(answer.status).toBe(401);
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    // The same for all of them, to the letter, but for the id of the trace and the path.
    expect(problem).toEqual({
      type: 'urn:orderflow:problem:invalid_signature',
      title: 'The callback is not genuine',
      status: 401,
      detail: 'The callback is not signed as agreed, or not just now.',
      instance: expect.stringMatching(/^\/v1\/callbacks\/(acme|other)$/),
      code: 'invalid_signature',
    });
    const { 'x-request-id': _id, date: _date, ...headers } = answer.headers;
    expect(headers).toEqual({
      'content-type': 'application/problem+json',
      'content-length': String(answer.text.length),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'www-authenticate': 'Signature',
      connection: 'keep-alive',
      'keep-alive': expect.anything(),
    });
    expect(await rows()).toHaveLength(before);
  });

  it('a signature does not hold when the borders between id, timestamp and body are moved', async () => {
    const placed = await api.place();
    const inner = JSON.stringify(captured(placed));
    const [old, now] = [secondsFromNow(-100_000), nowSeconds()];
    // Signed long ago, for a body that begins like a timestamp: `a.<old>` would be the id of a callback of now.
    const stolen = signature('a', old, `${now}.${inner}`);
    for (const [id, timestamp] of [
      [`a.${old}`, now],
      ['a', `${old}.${now}`],
      ['', `a.${old}.${now}`],
    ] as const) {
      const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': stolen };
      expect((await send(headers, inner)).status).toBe(401);
    }
    // Signed under an id with a dot: what is behind it would be the timestamp, and the rest the body.
    const dotted = signature(`a.${now}`, old, inner);
    const moved = { 'webhook-id': 'a', 'webhook-timestamp': now, 'webhook-signature': dotted };
    expect((await send(moved, inner)).status).toBe(401);
    expect((await send(moved, `${old}.${inner}`)).status).toBe(422);
    expect(await order(placed.id)).toMatchObject({ payment: 'awaiting' });
  });

  it('a callback that was overheard does nothing when it is sent again, now or later', async () => {
    const placed = await api.place();
    const text = JSON.stringify(captured(placed));
    const headers = signedHeaders(text);
    expect((await send(headers, text)).status).toBe(202);
    expect((await send(headers, text)).status).toBe(202);
    const renamedCopy = await send({ ...headers, 'webhook-id': freshId() }, text);
    expect(renamedCopy.status).toBe(401);
    const late = { ...headers, 'webhook-timestamp': nowSeconds(), 'webhook-id': freshId() };
    expect((await send(late, text)).status).toBe(401);
    expect((await order(placed.id)).version).toBe(2);
  });

  it('of many signatures all are looked at', async () => {
    const headers = good();
    const wrong = Array.from({ length: 100 }, (_, index) => signature('x', String(index), body));
    const given = [...wrong, headers['webhook-signature']].join(' ');
    expect((await send({ ...headers, 'webhook-signature': given }, body)).status).toBe(202);
    expect((await send({ ...headers, 'webhook-signature': wrong.join(' ') }, body)).status).toBe(401);
  });

  it('headers beyond all measure are refused before anything is read', async () => {
    const answer = await send({ ...good(), 'webhook-signature': 'v1,x '.repeat(5_000) }, body);
    expect([answer.status, answer.json.code]).toEqual([431, 'headers_too_large']);
  });

  it('an unknown provider, whatever it sends', async () => {
    for (const provider of ['nobody', '__proto__', 'constructor', 'Acme', 'acme%20', '%00']) {
      const answer = await sendCallback(api, captured({ id: 'o', total: 1 }), { provider });
      expect([provider, answer.status, answer.json.code]).toEqual([provider, 404, 'not_found']);
    }
    expect((await api.send({ method: 'POST', path: '/v1/callbacks' })).status).toBe(404);
    expect((await api.send({ method: 'POST', path: '/v1/callbacks/acme/x' })).status).toBe(404);
  });

  it('another method', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await api.send({ method, path: '/v1/callbacks/acme' });
      expect([answer.status, answer.headers.allow]).toEqual([405, 'POST']);
    }
  });

  const misshapen: readonly (readonly [string, string | Buffer, string])[] = [
    ['not JSON', '{"type":', '#'],
    ['empty', '', '#'],
    ['a bare value', '"payment.captured"', '#'],
    ['null', 'null', '#'],
    ['an array', '[]', '#'],
    ['a byte order mark', `\ufeff${body}`, '#'],
    ['invalid UTF-8', Buffer.concat([Buffer.from(body.slice(0, -3)), Buffer.from([0xff, 0xfe])]), '#'],
    ['a member twice', '{"type":"payment.captured","type":"payment.failed","data":{}}', '#'],
    ['nested too deep', '['.repeat(40) + ']'.repeat(40), '#'],
    ['an unknown type', '{"type":"payment.celebrated","data":{}}', '#/type'],
    ['no type', '{"data":{}}', '#/type'],
    ['no data', '{"type":"payment.captured"}', '#/data'],
    ['an unknown member', changed({ extra: 1 }), '#/data/extra'],
    ['__proto__', '{"type":"payment.captured","__proto__":{},"data":{}}', '#/__proto__'],
    ['no order', changed({ orderId: undefined }), '#/data/orderId'],
    ['an order id with a blank', changed({ orderId: 'a b' }), '#/data/orderId'],
    ['an amount below zero', changed({ amount: -1 }), '#/data/amount'],
    ['half a cent', changed({ amount: 0.5 }), '#/data/amount'],
    ['an amount as text', changed({ amount: '5' }), '#/data/amount'],
    ['an unsafe amount', changed({}).replace('"amount":1', '"amount":9007199254740993'), '#/data/amount'],
    ['an unknown currency', changed({ currency: 'EURO' }), '#/data/currency'],
    ['a refund without its id', changed({}, 'refund.completed'), '#/data/refundId'],
    ['a reason with NUL', changed({ reason: 'a\0b' }), '#/data/reason'],
    ['a lone surrogate', changed({}).replace('"nobody"', '"\\ud800"'), '#/data/orderId'],
  ];

  it.each(misshapen)('signed, but %s: 422, and recorded', async (_what, content, pointer) => {
    const id = freshId();
    const answer = await send(by(id, nowSeconds(), content), content);
    expect([answer.status, answer.json.code]).toEqual([422, 'invalid_request']);
    expect(answer.json.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
    const [row] = (await rows()).filter(({ callbackId }) => callbackId === id);
    expect(row).toMatchObject({ state: 'invalid', error: answer.json.detail, fact: null, stream: null });
    expect(Buffer.from(row!.body, 'base64').equals(Buffer.from(content))).toBe(true);
  });

  it('what was not understood may be sent again under its id, and then counts', async () => {
    const placed = await api.place();
    const id = freshId();
    expect((await sendCallback(api, '{}', { id })).status).toBe(422);
    expect((await sendCallback(api, '{"type":1}', { id })).status).toBe(422);
    expect((await sendCallback(api, captured(placed), { id })).status).toBe(202);
    expect(await order(placed.id)).toMatchObject({ payment: 'captured' });
    const kept = (await rows()).filter(({ callbackId }) => callbackId === id);
    expect(kept.map(({ state }) => state)).toEqual(['applied']);
  });

  it('a media type other than JSON, or a compressed body', async () => {
    const text = await send({ ...good(), 'content-type': 'text/plain' }, body);
    expect([text.status, text.json.code]).toEqual([415, 'unsupported_media_type']);
    const zipped = gzipSync(body);
    const compressed = await send(
      { ...by(freshId(), nowSeconds(), zipped), 'content-encoding': 'gzip' },
      zipped,
    );
    expect(compressed.status).toBe(415);
    // Signed before it was compressed: what came is not what was signed.
    expect((await send({ ...good(), 'content-encoding': 'gzip' }, zipped)).status).toBe(401);
  });

  it('a body over 64 KiB, whether its length is told or not', async () => {
    const padded = (length: number) => body.padEnd(length, ' ');
    const largest = padded(64 * 1024);
    expect((await send(by(freshId(), nowSeconds(), largest), largest)).status).toBe(202);
    const tooLarge = padded(64 * 1024 + 1);
    const headers = by(freshId(), nowSeconds(), tooLarge);
    for (const how of [{}, { 'transfer-encoding': 'chunked' }]) {
      const answer = await send({ ...headers, ...how }, tooLarge);
      expect([answer.status, answer.json.code]).toEqual([413, 'body_too_large']);
    }
  });

  it('a body of 10 MB is not read to its end', async () => {
    const head = 'POST /v1/callbacks/acme HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
    const told = await api.client.raw(`${head}Content-Length: 10485760\r\n\r\n`, 'x'.repeat(1_000));
    expect(told).toMatch(/^HTTP\/1\.1 413 /);
    expect(told).toMatch(/\r\nConnection: close\r\n/i);
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    const chunked = await api.client.raw(`${head}Transfer-Encoding: chunked\r\n\r\n`, chunk, chunk);
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('a body that does not come in time', async () => {
    const head = `POST /v1/callbacks/acme HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{`;
    expect(await api.client.raw(head)).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('anything while the service stops', async () => {
    api.health.draining = true;
    const answer = await sendCallback(api, captured({ id: 'o', total: 1 }));
    api.health.draining = false;
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
  });
});

const changed = (changes: object, type = 'payment.captured'): string =>
  JSON.stringify({ ...captured({ id: 'nobody', total: 1 }, changes), type });

describe('callbacks while the database is away', () => {
  it('are answered 503, so that the sender tries again; then they count', async () => {
    let away = false;
    const api = await startHttp({
      providers: new Map([['acme', { scheme: 'standard', secrets: [secretOf('acme')] }]]),
      pause: async (label) => {
        const { StoreUnavailable } = await import('../../../src/ports/unitOfWork.ts');
        if (away && label === 'transaction.commit') throw new StoreUnavailable('the disk is full');
      },
    });
    try {
      const placed = await api.place();
      const id = freshId();
      away = true;
      const refused = await sendCallback(api, captured(placed), { id });
      expect([refused.status, refused.json.code, refused.headers['retry-after']]).toEqual([
        503,
        'unavailable',
        '1',
      ]);
      away = false;
      expect((await sendCallback(api, captured(placed), { id })).status).toBe(202);
      expect((await api.send({ path: `/v1/orders/${placed.id}` })).json.payment).toBe('captured');
    } finally {
      await api.close();
    }
  });
});
