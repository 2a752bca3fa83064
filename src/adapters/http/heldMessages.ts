import { answer, jsonType, refuseWhileStopping } from './answer.ts';
import type { Exchange } from './Exchange.ts';
import { limitParameter, readQuery } from './queryParameters.ts';

const defaultLimit = 50;

/** `GET /v1/admin/held`: what waits behind what, the longest waiting first. */
export const listHeld = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  const { limit = defaultLimit } = readQuery(exchange.query, { limit: limitParameter });
  const streams = await exchange.edge.deps.inbox.blocked(exchange.tenant, limit);
  const items = streams.map(({ tenant: _, dueAt, since, ...stream }) => ({
    ...stream,
    retryAt: dueAt === null ? null : new Date(dueAt).toISOString(),
    since: new Date(since).toISOString(),
  }));
  answer(exchange, 200, { 'Content-Type': jsonType }, JSON.stringify({ items }));
};
