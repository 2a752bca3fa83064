import type { Exchange } from './Exchange.ts';
import { header } from './Exchange.ts';
import { requireJson } from './mediaType.ts';
import { parseJson } from './parseJson.ts';
import { HttpProblem } from './problems.ts';
import { hasBody, readBody } from './readBody.ts';

/**
 * The body as a JSON value, after the checks of media type, size and JSON, in this order. A request without a body
 * needs no media type: it counts as `{}` where `absentIsEmpty`, elsewhere it is 400. A media type that is given is
 * checked all the same.
 */
export const readJsonBody = async (exchange: Exchange, absentIsEmpty: boolean): Promise<object> => {
  if (hasBody(exchange)) {
    requireJson(exchange);
    return parseJson(await readBody(exchange));
  }
  if (header(exchange.req, 'content-type') !== undefined) requireJson(exchange);
  if (!absentIsEmpty) throw new HttpProblem('invalid_json', 'The body is empty.');
  return {};
};
