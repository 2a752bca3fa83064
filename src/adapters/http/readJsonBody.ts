import type { Exchange } from './Exchange.ts';
import { header } from './Exchange.ts';
import { requireJson } from './mediaType.ts';
import { parseJson } from './parseJson.ts';
import { hasBody, isEmptyChunked, readBody } from './readBody.ts';

/**
 * The body as a JSON value, after the checks of media type, size and JSON, in this order. A request without a body, or
 * with an empty one, needs no media type: it counts as `{}` where `absentIsEmpty`, elsewhere it is 400. A media type
 * that is given is checked all the same.
 */
export const readJsonBody = async (exchange: Exchange, absentIsEmpty: boolean): Promise<object> => {
  const typed = header(exchange.req, 'content-type') !== undefined;
  const sent = hasBody(exchange) && (typed || !(await isEmptyChunked(exchange)));
  if (typed || sent) requireJson(exchange);
  const bytes = sent ? await readBody(exchange) : nothing;
  return absentIsEmpty && bytes.length === 0 ? {} : parseJson(bytes);
};

const nothing = Buffer.alloc(0);
