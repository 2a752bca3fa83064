import { createSecretKey, hash } from 'node:crypto';
import { z } from 'zod';
import type { PaymentFact } from '../../../ports/callbackService.ts';
import { bounded } from '../bounded.ts';
import { currencyCode } from '../orderBodies.ts';
import { idSchema, maxTextLength } from '../text.ts';
import { validate } from '../validate.ts';
import type { CallbackScheme } from './CallbackScheme.ts';
import { anyMatches, isTimely, signatureOf } from './signatures.ts';

type Read = ReturnType<CallbackScheme['read']>;

const event = z.object({ type: z.string(), data: z.object({ object: z.unknown() }) });

/** Set by the shop on the payment intent or refund that it makes. */
const metadata = z.object({ orderId: idSchema.optional(), refundId: idSchema.optional() }).nullish();

const money = { id: idSchema, currency: z.string().toUpperCase().pipe(currencyCode), metadata };
const amount = bounded(0, Number.MAX_SAFE_INTEGER);

/** Why, in a sender's words: never a cause to refuse what it has verified, so it is cut to what our texts may be. */
const reasonText = z
  .string()
  .transform((text) => [...text.toWellFormed().replaceAll('\0', '')].slice(0, maxTextLength).join(''));

const paymentIntent = z.object({
  ...money,
  amount,
  amount_received: amount,
  last_payment_error: z
    .object({ code: reasonText.optional(), decline_code: reasonText.optional() })
    .nullish(),
});

const refund = z.object({
  ...money,
  amount,
  payment_intent: z.union([idSchema, z.object({ id: idSchema }).transform(({ id }) => id)]).nullish(),
  charge: z.union([idSchema, z.object({ id: idSchema }).transform(({ id }) => id)]).nullish(),
  status: reasonText.nullish(),
  failure_reason: reasonText.optional(),
});

/**
 * Stripe (docs.stripe.com/webhooks): `Stripe-Signature: t=<seconds>,v1=<hex>,…` over `<t>.<body>`, with the whole secret
 * as the key. The id of a callback is that of its event. Which order it is about stands in the metadata, where the shop
 * has put `orderId`, and for a refund `refundId`; amounts are in the units that Stripe counts in.
 */
export const stripe: CallbackScheme = {
  keyOf: (secret) => createSecretKey(secret, 'utf8'),
  verify: (request, keys, now) => {
    const parts = (request.header('stripe-signature') ?? '').split(',');
    const timestamps = valuesOf(parts, 't=');
    const [timestamp = ''] = timestamps;
    const expected = keys.map((key) => signatureOf(key, `${timestamp}.`, request.body, 'hex'));
    const genuine = anyMatches(valuesOf(parts, 'v1='), expected);
    return genuine && timestamps.length === 1 && isTimely(timestamp, now) ? eventId(request.body) : null;
  },
  read: (body) => {
    const { type, data } = validate(event, body);
    switch (type) {
      case 'payment_intent.succeeded':
        return readPayment('payment.captured', data.object);
      case 'payment_intent.payment_failed':
        return readPayment('payment.failed', data.object);
      case 'refund.created':
      case 'refund.updated':
      case 'refund.failed':
      case 'charge.refund.updated':
        return readRefund(data.object);
      default:
        return ignored(`${type.slice(0, 128)} says nothing of an order's money`);
    }
  },
};

const readPayment = (type: PaymentFact['type'], value: unknown): Read => {
  const intent = validate(paymentIntent, value);
  const orderId = intent.metadata?.orderId;
  if (orderId === undefined) return ignored('the payment intent has no orderId in its metadata');
  const error = intent.last_payment_error;
  return fact({
    type,
    orderId,
    paymentId: intent.id,
    refundId: null,
    amount: type === 'payment.captured' ? intent.amount_received : intent.amount,
    currency: intent.currency,
    reason: type === 'payment.failed' ? (error?.decline_code ?? error?.code ?? null) : null,
  });
};

/** A refund that nobody asked us for goes by Stripe's id: the order then records it for people to settle. */
const readRefund = (value: unknown): Read => {
  const { id, currency, metadata: about, amount: refunded, status, ...more } = validate(refund, value);
  const orderId = about?.orderId;
  if (orderId === undefined) return ignored('the refund has no orderId in its metadata');
  if (status !== 'succeeded' && status !== 'failed' && status !== 'canceled')
    return ignored('the refund has not ended yet');
  return fact({
    type: status === 'succeeded' ? 'refund.completed' : 'refund.failed',
    orderId,
    paymentId: more.payment_intent ?? more.charge ?? id,
    refundId: about?.refundId ?? id,
    amount: refunded,
    currency,
    reason: status === 'succeeded' ? null : (more.failure_reason ?? status),
  });
};

const fact = (found: PaymentFact): Read => ({ kind: 'fact', fact: found });
const ignored = (reason: string): Read => ({ kind: 'ignored', reason });

const valuesOf = (parts: readonly string[], prefix: string): string[] =>
  parts.filter((part) => part.startsWith(prefix)).map((part) => part.slice(prefix.length));

/** Signed bodies that name no event are told apart by what they are. */
const eventId = (body: Buffer): string => {
  try {
    const { id } = JSON.parse(body.toString()) as { readonly id?: unknown };
    if (typeof id === 'string' && /^[\x21-\x7e]{1,255}$/.test(id)) return id;
  } catch {
    // The reader says what is wrong with it.
  }
  return `sha256-${hash('sha256', body)}`;
};
