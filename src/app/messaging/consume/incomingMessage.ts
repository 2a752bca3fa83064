import type { BrokerMessage } from '../../../ports/broker.ts';
import type { Ids } from '../../../ports/ids.ts';

/** A message as a consumer sees it: the envelope read, its data not yet judged. */
export interface IncomingMessage {
  readonly id: string;
  readonly tenant: string;
  readonly type: string;
  readonly source: string;
  /** Null for a message outside any sequence. */
  readonly sequence: number | null;
  readonly time: string;
  readonly data: unknown;
  readonly correlationId: string;
  readonly traceparent: string | null;
  /** As it came, so that it can be kept, retried and set aside without a loss. */
  readonly raw: BrokerMessage;
}

/** The handler, or the message itself, can never succeed: retrying would only repeat the failure. */
export class PermanentFailure extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PermanentFailure';
  }
}

/** Reads a structured-mode CloudEvent. Throws `PermanentFailure` for what is none. */
export const readEnvelope = (raw: BrokerMessage): IncomingMessage => {
  const envelope = parse(raw.payload);
  const { id, source, type, sequence, time, correlationid, traceparent } = envelope;
  if (!isText(id) || !isText(source) || !isText(type))
    throw new PermanentFailure('not a CloudEvent: id, source or type is missing');
  const tenant = raw.headers.tenant;
  requireStorable({ id, source, type, tenant: isText(tenant) ? tenant : 'default' });
  return {
    id,
    source,
    type,
    sequence: readSequence(sequence),
    tenant: isText(tenant) ? tenant : 'default',
    time: isText(time) ? time : new Date(raw.timestamp).toISOString(),
    data: envelope.data,
    correlationId: isShort(correlationid, 128) ? correlationid : id,
    traceparent: isShort(traceparent, 64) ? traceparent : null,
    raw,
  };
};

/** What names a message, in characters. */
const nameLimits = { id: 128, source: 192, type: 128, tenant: 64 } as const;

const requireStorable = (names: Readonly<Record<keyof typeof nameLimits, string>>): void => {
  for (const name of ['id', 'source', 'type', 'tenant'] as const) {
    if (isShort(names[name], nameLimits[name])) continue;
    throw new PermanentFailure(
      `the ${name} is longer than ${nameLimits[name]} characters or 255 bytes, or holds a NUL`,
    );
  }
};

const parse = (payload: string): Record<string, unknown> => {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch (error) {
    throw new PermanentFailure('not a CloudEvent: the payload is not JSON', { cause: error });
  }
  if (typeof value !== 'object' || value === null)
    throw new PermanentFailure('not a CloudEvent: no JSON object');
  return value as Record<string, unknown>;
};

const readSequence = (value: unknown): number | null => {
  if (value === undefined || value === null) return null;
  const sequence = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  if (sequence >= 1) return sequence;
  throw new PermanentFailure('the sequence is not a whole number from 1 up');
};

/** What cannot be read has no place in any sequence, and nothing in common with anything else. */
export const unreadable = (raw: BrokerMessage, ids: Ids): IncomingMessage => {
  const id = isShort(raw.id, 128) ? raw.id : ids.next();
  return {
    id,
    tenant: 'default',
    type: isShort(raw.type, 128) ? raw.type : 'unreadable',
    source: `/unreadable/${id}`,
    sequence: null,
    time: new Date(raw.timestamp).toISOString(),
    data: null,
    correlationId: id,
    traceparent: null,
    raw,
  };
};

/** Whether every database of ours has room for it, and a broker carries it: a name has 255 bytes there. */
export const isShort = (value: unknown, limit: number): value is string =>
  isText(value) && value.length <= limit && Buffer.byteLength(value) <= 255 && !value.includes('\0');

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
