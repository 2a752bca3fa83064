import { z } from 'zod';
import type { PaymentFact } from '../../ports/callbackService.ts';
import { type CallbackRow, callbackStates } from '../../ports/callbacks.ts';
import { answer, jsonType, refuseWhileStopping } from './answer.ts';
import type { Exchange } from './Exchange.ts';
import { decodeCursor, encodeCursor } from './listCursor.ts';
import { HttpProblem } from './problems.ts';
import { badParameter, limitParameter, readQuery } from './queryParameters.ts';
import { textSchema } from './text.ts';

const defaultLimit = 50;

const listParameters = {
  state: z.enum(callbackStates, { error: `must be one of ${callbackStates.join(', ')}` }),
  provider: textSchema(),
  limit: limitParameter,
  cursor: textSchema(),
};

/** `GET /v1/admin/callbacks`: newest first, in pages. */
export const listCallbacks = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  const { limit = defaultLimit, cursor, ...filters } = readQuery(exchange.query, listParameters);
  const { tenant } = exchange;
  const scope = ['callbacks', tenant, filters.state, filters.provider];
  const before = cursor === undefined ? undefined : decodeCursor(cursor, scope);
  if (cursor !== undefined && before === undefined)
    throw badParameter('cursor', 'must come from an answer to the same filters');
  // One row more than asked for tells whether anything older matches.
  const query = { tenant, ...filters, ...(before === undefined ? {} : { before }), limit: limit + 1 };
  const rows = await exchange.edge.deps.callbacks.list(query);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const next = rows.length > limit && last !== undefined ? encodeCursor(last.id, scope) : null;
  answer(exchange, 200, { 'Content-Type': jsonType }, JSON.stringify({ items: page.map(summaryOf), next }));
};

/** `GET /v1/admin/callbacks/{id}`: with what was sent. */
export const getCallback = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  readQuery(exchange.query, {});
  const row = await exchange.edge.deps.callbacks.get(exchange.tenant, exchange.params.id ?? '');
  if (row === undefined) throw new HttpProblem('not_found', 'There is no such callback.');
  const document = { ...summaryOf(row), bodyBase64: row.body };
  answer(exchange, 200, { 'Content-Type': jsonType }, JSON.stringify(document));
};

const summaryOf = (row: CallbackRow): object => {
  const { id, provider, callbackId, state, error, receivedAt, appliedAt, correlationId } = row;
  return {
    id,
    provider,
    callbackId,
    state,
    fact: row.fact === null ? null : (JSON.parse(row.fact) as PaymentFact),
    error,
    receivedAt: new Date(receivedAt).toISOString(),
    appliedAt: appliedAt === null ? null : new Date(appliedAt).toISOString(),
    correlationId,
  };
};
