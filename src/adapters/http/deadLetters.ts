import type { BrokerMessage } from '../../ports/broker.ts';
import type { DeadLetter } from '../../ports/deadLetters.ts';
import { answer, jsonType, refuseWhileStopping } from './answer.ts';
import type { Exchange } from './Exchange.ts';
import { decodeCursor, encodeCursor } from './listCursor.ts';
import { HttpProblem } from './problems.ts';
import { badParameter, limitParameter, readQuery } from './queryParameters.ts';
import { textSchema } from './text.ts';

const defaultLimit = 50;

const listParameters = {
  queue: textSchema(),
  reason: textSchema(),
  type: textSchema(),
  limit: limitParameter,
  cursor: textSchema(),
};

/** `GET /v1/admin/dead-letters`: newest first, in pages. */
export const listDeadLetters = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  const { limit = defaultLimit, cursor, ...filters } = readQuery(exchange.query, listParameters);
  const { tenant } = exchange;
  const scope = ['dead-letters', tenant, filters.queue, filters.reason, filters.type];
  const before = cursor === undefined ? undefined : decodeCursor(cursor, scope);
  if (cursor !== undefined && before === undefined)
    throw badParameter('cursor', 'must come from an answer to the same filters');
  // One row more than asked for tells whether anything older matches.
  const query = { tenant, ...filters, ...(before === undefined ? {} : { before }), limit: limit + 1 };
  const letters = await exchange.edge.deps.deadLetters.list(query);
  const page = letters.slice(0, limit);
  const last = page.at(-1);
  const next = letters.length > limit && last !== undefined ? encodeCursor(last.id, scope) : null;
  answer(exchange, 200, { 'Content-Type': jsonType }, JSON.stringify({ items: page.map(summaryOf), next }));
};

/** `GET /v1/admin/dead-letters/{id}`: with headers and payload. */
export const getDeadLetter = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  readQuery(exchange.query, {});
  const letter = await exchange.edge.deps.deadLetters.get(exchange.tenant, exchange.params.id ?? '');
  if (letter === undefined) throw new HttpProblem('not_found', 'There is no such dead letter.');
  const { headers, payload, contentType } = JSON.parse(letter.message) as BrokerMessage;
  const body = { ...summaryOf(letter), contentType, headers, payload };
  answer(exchange, 200, { 'Content-Type': jsonType }, JSON.stringify(body));
};

const summaryOf = (letter: DeadLetter): object => ({
  id: letter.id,
  queue: letter.queue,
  messageId: letter.messageId,
  reason: letter.reason,
  error: letter.error,
  type: letter.type,
  source: letter.source === '' ? null : letter.source,
  sequence: letter.sequence,
  attempts: letter.attempts,
  firstSeen: new Date(letter.firstSeen).toISOString(),
  lastSeen: new Date(letter.lastSeen).toISOString(),
});
