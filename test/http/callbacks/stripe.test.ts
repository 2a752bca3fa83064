import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stripe as scheme } from '../../../src/adapters/http/callbacks/stripe.ts';
import { type HttpHarness, startHttp } from '../../support/httpHarness.ts';

const secret = 'whsec_5WMYlXgQzlCAiCmXRbSG2Fqwyo7yMy2W';
/** Stripe's own signer, which needs no connection. */
const { webhooks } = new Stripe('sk_test_offline');

let made = 0;
const eventOf = (type: string, object: object): string => {
  made += 1;
  return JSON.stringify({
    id: `evt_${process.pid}_${made}`,
    object: 'event',
    api_version: '2026-01-28',
    created: 1_700_000_000,
    livemode: false,
    pending_webhooks: 1,
    type,
    data: { object },
  });
};

const intent = (orderId: string | undefined, changes: object = {}): object => ({
  id: `pi_${orderId}`,
  object: 'payment_intent',
  amount: 2598,
  amount_received: 2598,
  currency: 'eur',
  last_payment_error: null,
  metadata: orderId === undefined ? {} : { orderId, cart: 'x' },
  status: 'succeeded',
  ...changes,
});

const refund = (orderId: string, refundId: string | undefined, changes: object = {}): object => ({
  id: 're_1',
  object: 'refund',
  amount: 2598,
  currency: 'eur',
  charge: 'ch_1',
  payment_intent: `pi_${orderId}`,
  metadata: { orderId, ...(refundId === undefined ? {} : { refundId }) },
  status: 'succeeded',
  ...changes,
});

describe('callbacks of Stripe', () => {
  let api: HttpHarness;
  beforeAll(async () => {
    api = await startHttp({
      providers: new Map([['stripe-eu', { scheme: 'stripe', secrets: ['whsec_older', secret] }]]),
    });
  });
  afterAll(() => api.close());

  const send = (body: string, signature = webhooks.generateTestHeaderString({ payload: body, secret })) =>
    api.send({
      method: 'POST',
      path: '/v1/callbacks/stripe-eu',
      headers: { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': signature },
      body,
    });
  const order = async (id: string) => (await api.send({ path: `/v1/orders/${id}` })).json;
  const newest = async () => (await api.stores.callbacks.list({ tenant: 'default', limit: 1 }))[0];
  const lastEvent = async (id: string) =>
    (await api.send({ path: `/v1/orders/${id}/events` })).json.items.at(-1);

  it('a payment intent that succeeded is a capture, once for its event', async () => {
    const placed = await api.place();
    const body = eventOf('payment_intent.succeeded', intent(placed.id));
    expect((await send(body)).status).toBe(202);
    expect((await send(body)).status).toBe(202);
    expect(await order(placed.id)).toMatchObject({ payment: 'captured', captured: 2598, version: 2 });
    expect((await lastEvent(placed.id)).data).toMatchObject({ paymentId: `pi_${placed.id}` });
    expect((await newest())?.callbackId).toBe(JSON.parse(body).id);
  });

  it('one that failed is a failed payment, with the reason that the bank gave', async () => {
    const placed = await api.place();
    const error = { code: 'card_declined', decline_code: 'insufficient_funds', message: 'Your card…' };
    const failed = intent(placed.id, { amount_received: 0, last_payment_error: error });
    expect((await send(eventOf('payment_intent.payment_failed', failed))).status).toBe(202);
    expect(await order(placed.id)).toMatchObject({ payment: 'failed' });
    expect((await lastEvent(placed.id)).data).toMatchObject({ reason: 'insufficient_funds' });
  });

  it('a reason that is no text of ours is cut to one, and its fact counts', async () => {
    const placed = await api.place();
    const error = { code: 'card_declined', decline_code: `a\0b\ud800${'🦊'.repeat(600)}` };
    const failed = intent(placed.id, { amount_received: 0, last_payment_error: error });
    expect((await send(eventOf('payment_intent.payment_failed', failed))).status).toBe(202);
    const { reason } = (await lastEvent(placed.id)).data;
    expect(reason).toBe(`ab\ufffd${'🦊'.repeat(509)}`);
  });

  it.each(['refund.updated', 'refund.created', 'charge.refund.updated'])(
    'a refund that succeeded is completed (%s)',
    async (type) => {
      const placed = await api.place();
      await send(eventOf('payment_intent.succeeded', intent(placed.id)));
      await api.post(`/v1/orders/${placed.id}/refund`, {});
      const { refundId } = (await lastEvent(placed.id)).data;
      const pending = refund(placed.id, refundId, { status: 'pending' });
      expect((await send(eventOf(type, pending))).status).toBe(202);
      expect(await newest()).toMatchObject({ state: 'ignored', error: 'the refund has not ended yet' });
      expect(await order(placed.id)).toMatchObject({ payment: 'refund_pending' });
      expect((await send(eventOf(type, refund(placed.id, refundId)))).status).toBe(202);
      expect(await order(placed.id)).toMatchObject({ payment: 'refunded', refunded: 2598 });
    },
  );

  it('a refund that failed is failed, also when the payment comes as an object', async () => {
    const placed = await api.place();
    await send(eventOf('payment_intent.succeeded', intent(placed.id)));
    await api.post(`/v1/orders/${placed.id}/refund`, {});
    const { refundId } = (await lastEvent(placed.id)).data;
    const changes = {
      status: 'failed',
      failure_reason: 'expired_or_canceled_card',
      payment_intent: intent(placed.id),
    };
    await send(eventOf('refund.failed', refund(placed.id, refundId, changes)));
    expect(await lastEvent(placed.id)).toMatchObject({
      type: 'orderflow.order.refund-failed.v1',
      data: { reason: 'expired_or_canceled_card', paymentId: `pi_${placed.id}` },
    });
  });

  it('a refund that was made by hand is recorded for people to settle', async () => {
    const placed = await api.place();
    await send(eventOf('payment_intent.succeeded', intent(placed.id)));
    await send(eventOf('refund.updated', refund(placed.id, undefined)));
    expect(await lastEvent(placed.id)).toMatchObject({
      type: 'orderflow.order.payment-mismatch.v1',
      data: { refundId: 're_1', amount: 2598 },
    });
  });

  it('what says nothing of an order is accepted and kept, and does nothing', async () => {
    for (const [type, object, why] of [
      ['customer.created', { id: 'cus_1' }, 'customer.created says nothing of an order'],
      ['payment_intent.succeeded', intent(undefined), 'the payment intent has no orderId'],
      ['refund.updated', refund('x', 'r', { metadata: null }), 'the refund has no orderId'],
    ] as const) {
      expect((await send(eventOf(type, object))).status).toBe(202);
      expect(await newest()).toMatchObject({ state: 'ignored', error: expect.stringContaining(why) });
    }
  });

  it('an event in another shape is 422, and kept', async () => {
    for (const body of ['{}', '[]', 'no', eventOf('payment_intent.succeeded', { id: 1 })]) {
      expect((await send(body)).status).toBe(422);
      expect((await newest())?.state).toBe('invalid');
    }
    const strange = eventOf('payment_intent.succeeded', intent('o', { currency: 'xxx' }));
    expect((await send(strange)).json.errors[0].pointer).toBe('#/currency');
  });

  it('forgeries are 401, as everywhere', async () => {
    const body = eventOf('payment_intent.succeeded', intent('o'));
    const now = Math.floor(Date.now() / 1000);
    const by = (changes: object) =>
      webhooks.generateTestHeaderString({ payload: body, secret, timestamp: now, ...changes });
    const good = by({});
    for (const forged of [
      '',
      by({ secret: 'whsec_evil' }),
      by({ payload: `${body} ` }),
      by({ timestamp: now - 301 }),
      by({ timestamp: now + 330 }),
      good.replace('v1=', 'v0='),
      good.replace(`t=${now}`, `t=${now}junk`),
      good.replace(`t=${now}`, `t=0${now}`),
      `t=${now - 1},${good}`,
      good.toUpperCase(),
    ]) {
      expect((await send(body, forged)).status).toBe(401);
    }
    // A signature under an older scheme beside a good one is what Stripe itself sends.
    expect((await send(body, `${good},v0=${'a'.repeat(64)},v1=${'0'.repeat(64)}`)).status).toBe(202);
  });

  it('the verifier takes what Stripe’s own takes', () => {
    const body = eventOf('refund.updated', refund('ö', 'r'));
    const header = webhooks.generateTestHeaderString({ payload: body, secret });
    expect(webhooks.constructEvent(body, header, secret).id).toBe(JSON.parse(body).id);
    const request = { header: () => header, body: Buffer.from(body) };
    expect(scheme.verify(request, [scheme.keyOf(secret)], Date.now())).toBe(JSON.parse(body).id);
  });
});
