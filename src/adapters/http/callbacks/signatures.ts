import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/** How far a sender's clock may be off, and how long a copy of a callback is of use to a thief. */
const toleranceSeconds = 300;

/** HMAC-SHA256 over `prefix` and then the bytes of `body`. */
export const signatureOf = (
  key: KeyObject,
  prefix: string,
  body: Buffer,
  encoding: 'base64' | 'hex',
): Buffer => {
  const digest = createHmac('sha256', key).update(prefix, 'latin1').update(body).digest(encoding);
  return Buffer.from(digest, 'latin1');
};

/**
 * Whether any given signature is one of the expected. All are compared, as text, each in constant time: an encoding
 * that is not the canonical one does not match.
 */
export const anyMatches = (given: readonly string[], expected: readonly Buffer[]): boolean => {
  let matches = 0;
  for (const text of given) {
    const bytes = Buffer.from(text, 'latin1');
    for (const one of expected) {
      if (bytes.length === one.length) matches += Number(timingSafeEqual(bytes, one));
    }
  }
  return matches > 0;
};

/** Seconds since the epoch, in digits and nothing else. */
const canonicalSeconds = /^[1-9]\d{0,14}$/;

export const isTimely = (timestamp: string, now: number): boolean =>
  canonicalSeconds.test(timestamp) &&
  Math.abs(Math.floor(now / 1000) - Number(timestamp)) <= toleranceSeconds;
