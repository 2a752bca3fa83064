import type { BrokerMessage, HeaderValue } from '../../../ports/broker.ts';
import type { FoundDeadLetter } from '../../../ports/deadLetters.ts';
import type { Ids } from '../../../ports/ids.ts';
import { isShort, readEnvelope } from '../consume/incomingMessage.ts';

/**
 * What a message from, or for, `<queue>.dead` tells. Its consumer wrote the reasons into `x-orderflow-…` headers; what
 * the broker itself set aside says why in `x-death`, its latest death first. A payload of more than `maxBytes` does not
 * go back to the queue.
 */
export const readDeadLetter = (
  message: BrokerMessage,
  queue: string,
  ids: Ids,
  now: number,
  maxBytes: number,
): FoundDeadLetter => {
  const { id, type, contentType, payload, timestamp, headers } = message;
  const own = textOf(headers['x-orderflow-reason']);
  const firstSeen = Date.parse(textOf(headers['x-orderflow-first-seen']) ?? '');
  const attempts = Number(headers['x-orderflow-attempts'] ?? 0);
  const error = textOf(headers['x-orderflow-error']);
  const bytes = Buffer.byteLength(payload);
  const redrivable = bytes <= maxBytes;
  const rowId = ids.next();
  const raw: BrokerMessage = { id, type, contentType, payload, timestamp, headers };
  return {
    id: rowId,
    queue,
    // Without an id it cannot be told from others: each is one of its own.
    messageId: id === '' ? rowId : storable(id, 255),
    reason: storable(own ?? deathReason(headers['x-death']) ?? 'unknown', 64),
    error: storable((redrivable ? error : tooLarge(bytes, maxBytes, error)) ?? '', 4_000) || null,
    attempts: attempts >= 0 && attempts < 2 ** 31 ? Math.trunc(attempts) : 0,
    firstSeen: Number.isNaN(firstSeen) ? now : firstSeen,
    foundAt: now,
    redrivable,
    message: JSON.stringify(raw),
    ...identityOf(raw),
  };
};

const tooLarge = (bytes: number, maxBytes: number, error: string | undefined): string => {
  const why = `too large to be sent back (${bytes} bytes, the limit is ${maxBytes}), so it is kept here`;
  return error === undefined ? why : `${why}: ${error}`;
};

const identityOf = (raw: BrokerMessage): Pick<FoundDeadLetter, 'tenant' | 'type' | 'source' | 'sequence'> => {
  try {
    const { tenant, type, source, sequence } = readEnvelope(raw);
    return { tenant, type, source, sequence };
  } catch {
    // That it cannot be read may be just why it is here.
    const tenant = isShort(raw.headers.tenant, 64) ? raw.headers.tenant : 'default';
    return { tenant, type: storable(raw.type, 255), source: '', sequence: null };
  }
};

const deathReason = (deaths: HeaderValue | undefined): string | undefined => {
  const latest: unknown = Array.isArray(deaths) ? deaths[0] : undefined;
  return typeof latest === 'object' && latest !== null && 'reason' in latest
    ? textOf(latest.reason)
    : undefined;
};

/** Cut to what a column takes, without what no database keeps; the message itself is kept as it came. */
const storable = (text: string, limit: number): string => text.replaceAll('\0', '').slice(0, limit);

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
