import type { ConsumeMessage, Options } from 'amqplib';
import type { Delivery, HeaderValue, Publication } from '../../ports/broker.ts';

/** The AMQP properties of the message contract. The timestamp has whole seconds in AMQP 0-9-1. */
export const publishOptions = (publication: Publication): Options.Publish => ({
  mandatory: publication.mandatory,
  deliveryMode: 2,
  messageId: publication.id,
  type: publication.type,
  contentType: publication.contentType,
  timestamp: Math.floor(publication.timestamp / 1000),
  appId: 'orderflow',
  headers: publication.headers,
});

/** A message of anybody may lack any property, or be no UTF-8 at all; judging that is the consumer's business. */
export const toDelivery = (
  { content, fields, properties }: ConsumeMessage,
  settlement: Pick<Delivery, 'ack' | 'nack'>,
): Delivery => ({
  id: textOf(properties.messageId),
  type: textOf(properties.type),
  contentType: textOf(properties.contentType),
  payload: content.toString('utf8'),
  timestamp: millisecondsOf(properties.timestamp),
  headers: plainHeaders(properties.headers ?? {}),
  exchange: fields.exchange,
  routingKey: fields.routingKey,
  redelivered: fields.redelivered,
  ...settlement,
});

/** AMQP has seconds; a producer that sends anything finer names a time that no Date can hold. */
const millisecondsOf = (seconds: unknown): number =>
  typeof seconds === 'number' && seconds >= 0 && seconds * 1000 <= latestDate ? seconds * 1000 : 0;

const latestDate = 8.64e15;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const plainHeaders = (headers: Readonly<Record<string, unknown>>): Readonly<Record<string, HeaderValue>> => {
  for (const name in headers) {
    // Most messages have text only, and need no copy.
    if (typeof headers[name] === 'object') return plainTable(headers);
  }
  return headers as Readonly<Record<string, HeaderValue>>;
};

const plainTable = (table: Readonly<Record<string, unknown>>): Readonly<Record<string, HeaderValue>> =>
  Object.fromEntries(Object.entries(table).map(([name, value]) => [name, plainValue(value)]));

/** AMQP's own types become plain data: a timestamp its seconds, a decimal a number, bytes their text. */
const plainValue = (value: unknown): HeaderValue => {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(plainValue);
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  if (typeof value !== 'object') return String(value);
  // How amqplib shows the types that JavaScript lacks (2.3.1, lib/codec.js).
  if ('!' in value && 'value' in value) {
    const inner = value.value as number | { readonly places: number; readonly digits: number };
    return typeof inner === 'number' ? inner : inner.digits / 10 ** inner.places;
  }
  return plainTable(value as Readonly<Record<string, unknown>>);
};
