import { createGunzip } from 'node:zlib';
import { awaitsContinue, ClientGone } from './answer.ts';
import { type Exchange, header } from './Exchange.ts';
import { HttpProblem } from './problems.ts';

/** No length, or length 0, and not chunked. */
export const hasBody = ({ req }: Exchange): boolean => {
  const length = req.headers['content-length'];
  return (length !== undefined && Number(length) !== 0) || req.headers['transfer-encoding'] !== undefined;
};

/**
 * Whether a chunked body ends without a byte, which nothing but reading it tells; it is read up to its first byte. A
 * client that waits for `100 Continue` has content to send (RFC 9110, 10.1.1).
 */
export const isEmptyChunked = async (exchange: Exchange): Promise<boolean> => {
  if (exchange.req.headers['transfer-encoding'] === undefined || awaitsContinue(exchange)) return false;
  try {
    await collect(exchange, 0);
    return true;
  } catch (failure) {
    if (failure instanceof HttpProblem) return false;
    throw failure;
  }
};

/**
 * The body's bytes, decompressed. The size limit holds for what is sent and for what comes out of it; decompression
 * stops at the limit, so a small body that swells costs no memory. Media type and encoding are checked before.
 */
export const readBody = async (exchange: Exchange): Promise<Buffer> => {
  const limit = exchange.edge.limits.maxBodyBytes;
  const bytes = await readRawBody(exchange, limit);
  const body = contentEncoding(exchange) === 'gzip' && bytes.length > 0 ? await gunzip(bytes, limit) : bytes;
  exchange.bodyBytes = body.length;
  return body;
};

/** The body's bytes as they were sent, at most `limit` of them. */
export const readRawBody = (exchange: Exchange, limit: number): Promise<Buffer> => {
  const { req, res } = exchange;
  if (Number(req.headers['content-length'] ?? 0) > limit) return Promise.reject(tooLarge(limit));
  if (awaitsContinue(exchange)) res.writeContinue();
  return collect(exchange, limit);
};

export const contentEncoding = ({ req }: Exchange): string =>
  header(req, 'content-encoding')?.toLowerCase() ?? 'identity';

const collect = ({ req }: Exchange, limit: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    let rest: Buffer[] | undefined;
    let size = 0;
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limit) settle(() => reject(tooLarge(limit)));
      else if (first === undefined) first = chunk;
      else if (rest === undefined) rest = [first, chunk];
      else rest.push(chunk);
    };
    const onEnd = (): void =>
      settle(() => resolve(rest === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(rest)));
    const onGone = (): void => settle(() => reject(new ClientGone()));
    const settle = (end: () => void): void => {
      req.off('data', onData).off('end', onEnd).off('close', onGone);
      end();
    };
    // An aborted request emits `error` too, which must have a listener also after the body was read.
    req.on('error', onGone).on('close', onGone).on('end', onEnd).on('data', onData);
  });

const tooLarge = (limit: number): HttpProblem =>
  new HttpProblem('body_too_large', `A body has at most ${limit} bytes, before and after decompression.`);

const corrupt = (): HttpProblem =>
  new HttpProblem('invalid_json', 'The body cannot be decompressed: it is not whole and valid gzip.');

/**
 * One or more members, one behind the other (RFC 1952, 2.2). Bytes after the last one make them invalid: they would be
 * checked by nobody. The decompressor ends by itself before a zero, and takes everything else for one more member.
 */
const gunzip = (bytes: Buffer, limit: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const stream = createGunzip();
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        reject(tooLarge(limit));
        stream.destroy();
        return;
      }
      chunks.push(chunk);
    });
    stream.on('end', () => {
      if (stream.bytesWritten === bytes.length) resolve(Buffer.concat(chunks));
      else reject(corrupt());
    });
    stream.on('error', () => reject(corrupt()));
    stream.end(bytes);
  });
