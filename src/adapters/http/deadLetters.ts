import { z } from 'zod';
import type { BrokerMessage } from '../../ports/broker.ts';
import type { DeadLetter, DeadLetterSelection, RedriveJob } from '../../ports/deadLetters.ts';
import { answer, jsonType, refuseWhileStopping } from './answer.ts';
import type { Exchange } from './Exchange.ts';
import { decodeCursor, encodeCursor } from './listCursor.ts';
import { operatorOf } from './operator.ts';
import { HttpProblem } from './problems.ts';
import { badParameter, limitParameter, readQuery } from './queryParameters.ts';
import { readJsonBody } from './readJsonBody.ts';
import { idSchema, textSchema } from './text.ts';
import { validate } from './validate.ts';

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

const letterIds = z.array(idSchema).min(1, 'must name at least one').max(1_000, 'must name at most 1,000');

const wholeNumber = (max: number) =>
  z.number().int().min(1, 'must be at least 1').max(max, `must be at most ${max}`);

const redriveBody = z
  .strictObject({
    ids: letterIds.exactOptional(),
    filter: z
      .strictObject({
        queue: textSchema().exactOptional(),
        reason: textSchema().exactOptional(),
        type: textSchema().exactOptional(),
      })
      .exactOptional(),
    limit: wholeNumber(1_000_000).exactOptional(),
    ratePerSecond: wholeNumber(100_000).exactOptional(),
  })
  .refine(({ ids, filter }) => (ids === undefined) !== (filter === undefined), {
    error: 'must have either ids or filter',
  });

const discardBody = z.strictObject({ ids: letterIds, reason: textSchema().min(1, 'must not be empty') });

/** `POST /v1/admin/dead-letters/redrive`: asks for a job, and answers with it. */
export const redriveDeadLetters = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  readQuery(exchange.query, {});
  const { ids, filter, limit, ratePerSecond } = validate(redriveBody, await readJsonBody(exchange, false));
  const selection: DeadLetterSelection = { ...filter, ...(ids === undefined ? {} : { ids }) };
  const request = { selection, limit: limit ?? null, ratePerSecond: ratePerSecond ?? null };
  const job = await exchange.edge.deps.deadLetters.redrive(operatorOf(exchange), request);
  const headers = { 'Content-Type': jsonType, Location: `/v1/admin/redrive-jobs/${job.id}` };
  answer(exchange, 202, headers, JSON.stringify(jobOf(job)));
};

/** `POST /v1/admin/dead-letters/discard`: gives letters up, so that what waits behind them goes on. */
export const discardDeadLetters = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  readQuery(exchange.query, {});
  const { ids, reason } = validate(discardBody, await readJsonBody(exchange, false));
  const discarded = await exchange.edge.deps.deadLetters.discard(operatorOf(exchange), ids, reason);
  answer(exchange, 200, { 'Content-Type': jsonType }, JSON.stringify({ discarded }));
};

/** `GET /v1/admin/redrive-jobs/{id}`: how far a job is. */
export const getRedriveJob = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  readQuery(exchange.query, {});
  const { tenant, params } = exchange;
  sendJob(exchange, await exchange.edge.deps.deadLetters.job(tenant, params.id ?? ''));
};

/** `POST /v1/admin/redrive-jobs/{id}/cancel`: what was sent stays sent. */
export const cancelRedriveJob = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  readQuery(exchange.query, {});
  validate(z.strictObject({}), await readJsonBody(exchange, true));
  const { deadLetters } = exchange.edge.deps;
  sendJob(exchange, await deadLetters.cancel(operatorOf(exchange), exchange.params.id ?? ''));
};

const sendJob = (exchange: Exchange, job: RedriveJob | undefined): void => {
  if (job === undefined) throw new HttpProblem('not_found', 'There is no such job.');
  answer(exchange, 200, { 'Content-Type': jsonType }, JSON.stringify(jobOf(job)));
};

const jobOf = ({ id, state, total, done, skipped, limit, ratePerSecond, createdAt }: RedriveJob): object => ({
  id,
  state,
  total,
  done,
  skipped,
  limit,
  ratePerSecond,
  createdAt: new Date(createdAt).toISOString(),
});

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
