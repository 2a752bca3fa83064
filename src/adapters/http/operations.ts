import { z } from 'zod';
import type { AdminAction } from '../../ports/adminActions.ts';
import { answer, jsonType, refuseWhileStopping } from './answer.ts';
import type { Exchange } from './Exchange.ts';
import { decodeCursor, encodeCursor } from './listCursor.ts';
import { operatorOf } from './operator.ts';
import { badParameter, limitParameter, readQuery } from './queryParameters.ts';
import { readJsonBody } from './readJsonBody.ts';
import { textSchema } from './text.ts';
import { validate } from './validate.ts';

const defaultLimit = 50;
const nothing = z.strictObject({});

/** `GET /v1/admin/outbox`: what waits to be published, and how the relay is. */
export const getOutbox = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  readQuery(exchange.query, {});
  const { relay, ...stats } = await exchange.edge.deps.operations.outbox();
  const { state, lastSuccessAt } = relay;
  send(exchange, { ...stats, relay: { state, lastSuccessAt: timeOf(lastSuccessAt) } });
};

/** `POST /v1/admin/outbox/retry`: offers what was set aside again. */
export const retryOutbox = async (exchange: Exchange): Promise<void> => {
  await readNothing(exchange);
  send(exchange, { offeredAgain: await exchange.edge.deps.operations.retryOutbox(operatorOf(exchange)) });
};

/** `POST /v1/admin/relay/pause`: nothing is published any more, by any instance, until it is resumed. */
export const pauseRelay = (exchange: Exchange): Promise<void> => setRelay(exchange, true);

/** `POST /v1/admin/relay/resume` */
export const resumeRelay = (exchange: Exchange): Promise<void> => setRelay(exchange, false);

const setRelay = async (exchange: Exchange, paused: boolean): Promise<void> => {
  await readNothing(exchange);
  const { changedAt, changedBy } = await exchange.edge.deps.operations.pauseRelay(
    operatorOf(exchange),
    paused,
  );
  send(exchange, { paused, changedAt: timeOf(changedAt), changedBy });
};

/** `GET /v1/admin/actions`: who did what and when, newest first, in pages. */
export const listActions = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  const parameters = { limit: limitParameter, cursor: textSchema() };
  const { limit = defaultLimit, cursor } = readQuery(exchange.query, parameters);
  const { tenant } = exchange;
  const scope = ['actions', tenant];
  const before = cursor === undefined ? undefined : decodeCursor(cursor, scope);
  if (cursor !== undefined && before === undefined)
    throw badParameter('cursor', 'must come from an answer to this call');
  // One row more than asked for tells whether anything earlier is there.
  const query = { tenant, ...(before === undefined ? {} : { before }), limit: limit + 1 };
  const actions = await exchange.edge.deps.operations.actions(query);
  const page = actions.slice(0, limit);
  const last = page.at(-1);
  const next = actions.length > limit && last !== undefined ? encodeCursor(last.id, scope) : null;
  send(exchange, { items: page.map(itemOf), next });
};

const readNothing = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  readQuery(exchange.query, {});
  validate(nothing, await readJsonBody(exchange, true));
};

const itemOf = ({ id, at, who, what, messages, detail }: AdminAction): object => ({
  id,
  at: timeOf(at),
  who,
  what,
  messages,
  detail: JSON.parse(detail) as unknown,
});

const timeOf = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString());

const send = (exchange: Exchange, body: object): void =>
  answer(exchange, 200, { 'Content-Type': jsonType }, JSON.stringify(body));
