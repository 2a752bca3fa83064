import type { IncomingMessage } from 'node:http';
import { header } from './Exchange.ts';
import { HttpProblem } from './problems.ts';

/** Visible ASCII; a bare key holds no quotation mark, which would be a quoted string gone wrong. */
const bareShape = /^[\x21\x23-\x7e]{1,255}$/;
const quotedShape = /^"((?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;

/**
 * The key, without quotes and escapes: `abc` and `"abc"` are the same one. The header sent twice arrives joined by
 * ", ", and the blank makes it malformed.
 */
export const readIdempotencyKey = (req: IncomingMessage): string => {
  const text = header(req, 'idempotency-key');
  if (text === undefined) {
    throw new HttpProblem(
      'idempotency_key_missing',
      'This call needs an Idempotency-Key header: a new value for every new request, the same one for a repetition.',
    );
  }
  if (bareShape.test(text)) return text;
  const key = quotedShape.exec(text)?.[1]?.replace(/\\(.)/g, '$1');
  if (key === undefined || key.length < 1 || key.length > 255) {
    throw new HttpProblem(
      'idempotency_key_invalid',
      'Idempotency-Key must be sent once, with 1 to 255 visible ASCII characters, bare or as a quoted string.',
    );
  }
  return key;
};

/** For a call that may be repeated without a key; null when there is none. */
export const readOptionalIdempotencyKey = (req: IncomingMessage): string | null =>
  header(req, 'idempotency-key') === undefined ? null : readIdempotencyKey(req);
