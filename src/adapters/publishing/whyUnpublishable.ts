import { maxPayloadBytes, maxReturnedBytes, type Publication } from '../../ports/broker.ts';

/** AMQP 0-9-1 carries these as short strings: at most 255 bytes. */
const maxShortStringBytes = 255;

/** Why no broker can ever take this message as it is; undefined when one can. */
export const whyUnpublishable = (publication: Publication): string | undefined => {
  const { payload, exchange } = publication;
  const limit = exchange === 'dead' || exchange === 'tasks' ? maxReturnedBytes : maxPayloadBytes;
  // A UTF-16 code unit takes at most 3 bytes in UTF-8, so most payloads need no counting.
  if (payload.length * 3 > limit) {
    const bytes = Buffer.byteLength(payload);
    if (bytes > limit) return `the payload has ${bytes} bytes, the limit is ${limit}`;
  }
  if (!payload.isWellFormed()) return 'the payload has a lone surrogate, which UTF-8 cannot encode';
  if (isTooLong(publication.routingKey)) return tooLong('routing key');
  if (isTooLong(publication.id)) return tooLong('message id');
  if (isTooLong(publication.type)) return tooLong('type');
  if (isTooLong(publication.contentType)) return tooLong('content type');
  return undefined;
};

const isTooLong = (text: string): boolean =>
  text.length * 3 > maxShortStringBytes && Buffer.byteLength(text) > maxShortStringBytes;

const tooLong = (what: string): string => `the ${what} is longer than ${maxShortStringBytes} bytes`;
