import type { IncomingMessage } from 'node:http';
import { HttpProblem } from './problems.ts';

/**
 * Refuses, with 400 and a closed connection, what node:http lets through although two servers in a row could read it
 * in two ways (RFC 9112 sections 3.2 and 6.1), and paths that cannot be decoded. An absolute target is brought to
 * the usual form.
 */
export const refuseSuspicious = (req: IncomingMessage): void => {
  const url = req.url ?? '';
  if (url.charCodeAt(0) !== 0x2f && url !== '*') req.url = originForm(url);
  if (url.includes('%')) requireDecodable(url);
  if (url.includes('#')) throw bad('A request target has no fragment.');
  const hosts = count(req.rawHeaders, 'host');
  if (hosts > 1 || (hosts === 0 && req.httpVersion !== '1.0')) throw bad('There must be one Host header.');
  // node:http keeps the first and drops the others; who reads the last would see another type.
  if (count(req.rawHeaders, 'content-type') > 1) throw bad('There must be one Content-Type header at most.');
  const expectation = req.headers.expect;
  if (expectation !== undefined && expectation.toLowerCase() !== '100-continue') {
    throw new HttpProblem('expectation_failed', 'The only expectation that is understood is 100-continue.');
  }
  const coding = req.headers['transfer-encoding'];
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || req.httpVersion === '1.0')) {
    throw bad('The only transfer coding that is understood is chunked, in HTTP/1.1.');
  }
};

const originForm = (url: string): string => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    throw bad('The request target is not understood.');
  return parsed.pathname + parsed.search;
};

const requireDecodable = (url: string): void => {
  try {
    decodeURIComponent(url.split('?', 1)[0] ?? '');
  } catch {
    throw bad('The path is not valid percent-encoded UTF-8.');
  }
};

const count = (rawHeaders: readonly string[], header: string): number => {
  let found = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === header.length && name.toLowerCase() === header) found += 1;
  }
  return found;
};

const bad = (detail: string): HttpProblem => new HttpProblem('bad_request', detail, { closes: true });
