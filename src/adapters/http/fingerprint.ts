import { hash } from 'node:crypto';

/**
 * Identifies a request for its Idempotency-Key: same method, path and JSON value, same fingerprint. The order of
 * members does not count. Headers such as If-Match and Prefer do not either.
 */
export const fingerprintOf = (method: string, path: string, body: unknown): string =>
  hash('sha256', `${method} ${path}\n${canonicalJson(body)}`, 'base64url');

/** JSON text with sorted members and no blanks. */
const canonicalJson = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) {
    let text = '[';
    for (const item of value) text += text.length === 1 ? canonicalJson(item) : `,${canonicalJson(item)}`;
    return `${text}]`;
  }
  let text = '{';
  for (const name of Object.keys(value).sort()) {
    const member = `${JSON.stringify(name)}:${canonicalJson((value as Record<string, unknown>)[name])}`;
    text += text.length === 1 ? member : `,${member}`;
  }
  return `${text}}`;
};
