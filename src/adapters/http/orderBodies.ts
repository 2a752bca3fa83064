import { z } from 'zod';
import { currencies } from '../../domain/shared/currencies.ts';
import { bounded } from './bounded.ts';
import { idSchema, textSchema } from './text.ts';

/** The bodies of the order calls. Unknown members are refused everywhere. */

const text = textSchema();

export const currencyCode = z
  .string()
  .refine((code) => currencies.has(code), 'must be a currency code of ISO 4217');

const line = z.strictObject({
  sku: idSchema,
  quantity: bounded(1, 1_000_000),
  /** Minor units. */
  unitPrice: bounded(0, 1_000_000_000_000),
});

const shippingAddress = z.strictObject({
  name: text,
  line1: text,
  line2: text.exactOptional(),
  postalCode: text,
  city: text,
  region: text.exactOptional(),
  /** The shape of ISO 3166-1 alpha-2; which codes are assigned changes more often than this program. */
  countryCode: z.string().regex(/^[A-Z]{2}$/, 'must be two capital letters, as in ISO 3166-1 alpha-2'),
});

const maxPairs = 20;

/**
 * Counted before each pair is looked at, so that a body full of bad pairs costs little. An own member `__proto__`,
 * which JSON.parse makes, is refused here: `z.record` would lose it in silence.
 */
const metadata = z
  .custom<object>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'must be an object',
  )
  .refine((pairs) => Object.keys(pairs).length <= maxPairs, `must have at most ${maxPairs} members`)
  .refine((pairs) => !Object.hasOwn(pairs, '__proto__'), 'must not have a member __proto__')
  .pipe(z.record(textSchema(64), text));

/** As with `metadata`, counted first. */
const lines = z
  .array(z.unknown())
  .min(1, 'must have at least 1 line')
  .max(100, 'must have at most 100 lines')
  .pipe(z.array(line));

export const placeOrderBody = z.strictObject({
  customerId: idSchema,
  currency: currencyCode,
  clientReference: text.optional(),
  lines,
  shippingAddress: shippingAddress.nullable().optional(),
  metadata: metadata.optional(),
});

export const cancelBody = z.strictObject({ reason: text.optional() });
export const shipBody = z.strictObject({ carrier: text, trackingNumber: text });
export const deliverBody = z.strictObject({});
export const refundBody = z.strictObject({
  /** Minor units. */
  amount: bounded(1, Number.MAX_SAFE_INTEGER).optional(),
  reason: text.optional(),
});
