import { createSecretKey } from 'node:crypto';
import { z } from 'zod';
import { bounded } from '../bounded.ts';
import { currencyCode } from '../orderBodies.ts';
import { idSchema, textSchema } from '../text.ts';
import { validate } from '../validate.ts';
import type { CallbackScheme } from './CallbackScheme.ts';
import { anyMatches, isTimely, signatureOf } from './signatures.ts';

/** A dot would let the borders between id, timestamp and body move under one signature. */
const idShape = /^[\x21-\x2d\x2f-\x7e]{1,255}$/;

const about = {
  orderId: idSchema,
  paymentId: idSchema,
  /** Minor units. */
  amount: bounded(0, Number.MAX_SAFE_INTEGER),
  currency: currencyCode,
  reason: textSchema().optional(),
};

const payment = z.strictObject({ ...about, refundId: idSchema.optional() });
const refund = z.strictObject({ ...about, refundId: idSchema });

const body = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.enum(['payment.captured', 'payment.failed']), data: payment }),
    z.strictObject({ type: z.enum(['refund.completed', 'refund.failed']), data: refund }),
  ],
  { error: 'must be payment.captured, payment.failed, refund.completed or refund.failed' },
);

/**
 * Standard Webhooks (github.com/standard-webhooks/standard-webhooks), over the bytes as they came. Stricter than its
 * published libraries, which take junk after the timestamp and ids with dots, and sign what is left of invalid UTF-8.
 */
export const standardWebhooks: CallbackScheme = {
  keyOf: (secret) => createSecretKey(secret.slice('whsec_'.length), 'base64'),
  verify: (request, keys, now) => {
    const id = request.header('webhook-id') ?? '';
    const timestamp = request.header('webhook-timestamp') ?? '';
    const given = (request.header('webhook-signature') ?? '')
      .split(' ')
      .filter((signature) => signature.startsWith('v1,'))
      .map((signature) => signature.slice('v1,'.length));
    const expected = keys.map((key) => signatureOf(key, `${id}.${timestamp}.`, request.body, 'base64'));
    const genuine = anyMatches(given, expected);
    return genuine && idShape.test(id) && isTimely(timestamp, now) ? id : null;
  },
  read: (value) => {
    const { type, data } = validate(body, value);
    const { refundId = null, reason = null } = data;
    return { kind: 'fact', fact: { type, ...data, refundId, reason } };
  },
};
