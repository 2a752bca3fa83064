import { answer, jsonType, refuseWhileStopping } from './answer.ts';
import type { Exchange } from './Exchange.ts';
import { HttpProblem } from './problems.ts';
import { readQuery } from './queryParameters.ts';

/** As long as a customer id can be (http contract: 64 visible characters, each of two code units at most). */
const maxIdLength = 128;

/** `GET /v1/loyalty/{customerId}`: a customer who never earned anything has no points, and is no error. */
export const getLoyalty = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  readQuery(exchange.query, {});
  const { loyalty } = exchange.edge.deps;
  const customerId = exchange.params.customerId ?? '';
  if (customerId.length > maxIdLength) throw new HttpProblem('not_found', 'No customer has so long an id.');
  const account = await loyalty.account(exchange.tenant, customerId);
  answer(exchange, 200, { 'Content-Type': jsonType }, JSON.stringify(account));
};
