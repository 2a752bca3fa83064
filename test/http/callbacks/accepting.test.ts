import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { type HttpHarness, startHttp } from '../../support/httpHarness.ts';
import {
  captured,
  failed,
  freshId,
  refundFact,
  secretOf,
  sendCallback,
  signature,
  signedHeaders,
} from '../../support/webhooks.ts';

describe('callbacks that are signed as agreed', () => {
  let api: HttpHarness;
  beforeAll(async () => {
    api = await startHttp({
      providers: new Map([
        ['acme', { scheme: 'standard', secrets: [secretOf('acme'), secretOf('next')] }],
        ['other', { scheme: 'standard', secrets: [secretOf('other')] }],
      ]),
    });
  });
  afterAll(() => api.close());

  const order = async (id: string) => (await api.send({ path: `/v1/orders/${id}` })).json;
  const history = async (id: string): Promise<readonly { readonly type: string; readonly data: object }[]> =>
    (await api.send({ path: `/v1/orders/${id}/events` })).json.items;
  const typesOf = async (id: string) =>
    (await history(id)).map(({ type }) => type.replace(/^orderflow\.order\.|\.v1$/g, ''));
  const callback = async (callbackId: string) =>
    (await api.stores.callbacks.list({ tenant: 'default', limit: 1_000 })).filter(
      (row) => row.callbackId === callbackId,
    );

  it('are stored with their effect, and answered 202', async () => {
    const placed = await api.place();
    const id = freshId();
    const answer = await sendCallback(api, captured(placed), { id });
    expect(answer.status).toBe(202);
    expect(answer.text).toBe('{"status":"accepted"}');
    expect(answer.headers['content-type']).toBe('application/json');
    expect(await order(placed.id)).toMatchObject({ payment: 'captured', captured: placed.total });
    const [row] = await callback(id);
    expect(row).toMatchObject({
      provider: 'acme',
      state: 'applied',
      stream: `orders/${placed.id}`,
      error: null,
      correlationId: answer.headers['x-request-id'],
    });
    expect(Buffer.from(row!.body, 'base64').toString()).toBe(JSON.stringify(captured(placed)));
    expect(row!.appliedAt).toBeGreaterThanOrEqual(row!.receivedAt);
  });

  it('carry their request and trace into what follows', async () => {
    const placed = await api.place();
    const body = JSON.stringify(captured(placed));
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const headers = {
      ...signedHeaders(body),
      'x-request-id': 'callback-request',
      traceparent: `00-${trace}-00f067aa0ba902b7-01`,
    };
    await api.send({ method: 'POST', path: '/v1/callbacks/acme', headers, body });
    const events = (await history(placed.id)) as unknown as { readonly correlationId: string }[];
    expect(events.at(-1)?.correlationId).toBe('callback-request');
  });

  it('do nothing twice under one webhook-id, whatever they say', async () => {
    const placed = await api.place();
    const id = freshId();
    expect((await sendCallback(api, captured(placed), { id })).status).toBe(202);
    const again = await sendCallback(api, captured(placed), { id });
    expect([again.status, again.text]).toEqual([202, '{"status":"accepted"}']);
    const other = captured(placed, { paymentId: 'another' });
    expect((await sendCallback(api, other, { id })).status).toBe(202);
    expect((await sendCallback(api, '{"type":"no such"}', { id })).status).toBe(202);
    expect(await typesOf(placed.id)).toEqual(['placed', 'payment-captured']);
    expect(await callback(id)).toHaveLength(1);
  });

  it('do nothing twice when many copies come at one moment', async () => {
    const placed = await api.place();
    const id = freshId();
    const copies = await Promise.all(
      Array.from({ length: 20 }, () => sendCallback(api, captured(placed, { paymentId: 'p' }), { id })),
    );
    expect(new Set(copies.map(({ status }) => status))).toEqual(new Set([202]));
    expect(await typesOf(placed.id)).toEqual(['placed', 'payment-captured']);
  });

  it('are told apart by provider: two senders may use one id', async () => {
    const [mine, theirs] = [await api.place(), await api.place()];
    const id = freshId();
    await sendCallback(api, captured(mine), { id });
    const answer = await sendCallback(api, captured(theirs), {
      id,
      provider: 'other',
      secret: secretOf('other'),
    });
    expect(answer.status).toBe(202);
    expect(await order(theirs.id)).toMatchObject({ payment: 'captured' });
  });

  it('do nothing twice under a new webhook-id when the fact is the same', async () => {
    const placed = await api.place();
    await sendCallback(api, captured(placed));
    expect((await sendCallback(api, captured(placed))).status).toBe(202);
    expect(await typesOf(placed.id)).toEqual(['placed', 'payment-captured']);
  });

  it('may be signed with any active secret, and with several at once', async () => {
    const placed = await api.place();
    expect((await sendCallback(api, captured(placed), { secret: secretOf('next') })).status).toBe(202);
    const body = JSON.stringify(captured(placed));
    const headers = signedHeaders(body, { secret: secretOf('next') });
    const id = headers['webhook-id'];
    const retired = signature(id, headers['webhook-timestamp'], body, secretOf('retired'));
    const given = ['v1a,bm90IG91cnM=', retired, headers['webhook-signature'], 'v2,x'].join(' ');
    const answer = await api.send({
      method: 'POST',
      path: '/v1/callbacks/acme',
      headers: { ...headers, 'webhook-signature': given },
      body,
    });
    expect(answer.status).toBe(202);
  });

  it('tell of payments that failed, and of refunds that were completed or failed', async () => {
    const placed = await api.place();
    await sendCallback(api, failed(placed, { paymentId: 'first' }));
    expect(await order(placed.id)).toMatchObject({ payment: 'failed', status: 'pending' });
    await sendCallback(api, captured(placed));
    expect(await order(placed.id)).toMatchObject({ payment: 'captured' });
    const refund = async (amount: number) => {
      expect((await api.post(`/v1/orders/${placed.id}/refund`, { amount })).status).toBe(202);
      return ((await history(placed.id)).at(-1)!.data as { refundId: string }).refundId;
    };
    const refused = await refund(100);
    await sendCallback(api, refundFact('refund.failed', placed, refused, 100));
    const done = await refund(200);
    await sendCallback(api, refundFact('refund.completed', placed, done, 200));
    expect(await order(placed.id)).toMatchObject({ payment: 'captured', refunded: 200 });
    expect(await typesOf(placed.id)).toEqual([
      'placed',
      'payment-failed',
      'payment-captured',
      'refund-requested',
      'refund-failed',
      'refund-requested',
      'refunded',
    ]);
  });

  it('are never refused by the state of the order: money for a cancelled one is asked back', async () => {
    const placed = await api.place();
    await api.post(`/v1/orders/${placed.id}/cancel`, {});
    expect((await sendCallback(api, captured(placed))).status).toBe(202);
    expect(await typesOf(placed.id)).toEqual(['placed', 'cancelled', 'payment-captured', 'refund-requested']);
  });

  it('are recorded for people to settle when their amount is not the order’s', async () => {
    const placed = await api.place();
    expect((await sendCallback(api, captured(placed, { amount: 1 }))).status).toBe(202);
    expect(await typesOf(placed.id)).toEqual(['placed', 'payment-mismatch']);
    const strange = refundFact('refund.completed', placed, 'never-asked-for', 5);
    expect((await sendCallback(api, strange)).status).toBe(202);
    expect((await typesOf(placed.id)).at(-1)).toBe('payment-mismatch');
  });

  it('are parked while their order is not known, and applied when it appears', async () => {
    // As from a provider that is faster than our own commit; the test makes the order under the id it knows.
    const orderId = crypto.randomUUID();
    const id = freshId();
    const early = { id: orderId, total: 2598 };
    const answer = await sendCallback(api, captured(early), { id });
    expect([answer.status, answer.text]).toEqual([202, '{"status":"accepted"}']);
    expect(await callback(id)).toMatchObject([{ state: 'parked', appliedAt: null }]);
    expect((await sendCallback(api, captured(early), { id })).status).toBe(202);
    expect(await callback(id)).toHaveLength(1);
    await api.orders.submit({
      cause: { tenant: 'default', correlationId: 'c', causationId: 'c', traceparent: null },
      orderId,
      command: {
        type: 'PlaceOrder',
        at: new Date().toISOString(),
        customerId: 'c-42',
        currency: 'EUR',
        clientReference: null,
        lines: [{ sku: 'tea-100', quantity: 2, unitPrice: 1299 }],
        shippingAddress: null,
        metadata: {},
      },
    });
    await eventually(async () => expect(await callback(id)).toMatchObject([{ state: 'applied' }]));
    expect(await typesOf(orderId)).toEqual(['placed', 'payment-captured']);
    const events = (await history(orderId)) as unknown as {
      readonly time: string;
      readonly correlationId: string;
    }[];
    expect(events[1]!.correlationId).toBe(answer.headers['x-request-id']);
    expect(events[1]!.time >= events[0]!.time).toBe(true);
  });

  it('are parked whatever their order id looks like', async () => {
    const answer = await sendCallback(api, captured({ id: '../é/%2f', total: 1 }));
    expect(answer.status).toBe(202);
  });
});
