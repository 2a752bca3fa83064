import { type Exchange, header } from './Exchange.ts';
import { HttpProblem } from './problems.ts';
import { contentEncoding } from './readBody.ts';

/**
 * Demands JSON in UTF-8, bare or gzipped. `express.json()` would take utf-16 and utf-7 too, which lets two readers
 * of one body see two different things.
 */
export const requireJson = (exchange: Exchange): void => {
  const type = header(exchange.req, 'content-type');
  if (type === undefined || !isJsonInUtf8(type)) {
    throw unsupported('The body must be sent as application/json in UTF-8.', { Accept: 'application/json' });
  }
  const encoding = contentEncoding(exchange);
  if (encoding !== 'identity' && encoding !== 'gzip') {
    throw unsupported('The body may be compressed with gzip only.', { 'Accept-Encoding': 'gzip' });
  }
};

const parameter = /^[ \t]*([!#$%&'*+.^_`|~\w-]+)=(?:([!#$%&'*+.^_`|~\w-]+)|"([^"\\]*)")[ \t]*$/;

const isJsonInUtf8 = (contentType: string): boolean => {
  if (contentType === 'application/json') return true;
  const [type = '', ...parameters] = contentType.split(';');
  if (type.trim().toLowerCase() !== 'application/json') return false;
  for (const text of parameters) {
    const match = parameter.exec(text);
    if (match === null) return false;
    const [, name = '', token, quoted] = match;
    if (name.toLowerCase() === 'charset' && (token ?? quoted ?? '').toLowerCase() !== 'utf-8') return false;
  }
  return true;
};

const unsupported = (detail: string, headers: Record<string, string>): HttpProblem =>
  new HttpProblem('unsupported_media_type', detail, { headers });
