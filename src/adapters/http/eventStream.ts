import type { ServerResponse } from 'node:http';
import type { FeedPage, HistoryItem } from '../../ports/orderService.ts';
import { answer, refuseWhileStopping } from './answer.ts';
import type { Edge } from './deps.ts';
import { type Exchange, header } from './Exchange.ts';
import { HttpProblem, unavailable } from './problems.ts';
import { readQuery } from './queryParameters.ts';

/** Small, because orders may be large and a client that does not read keeps its page in memory. */
const pageSize = 20;
/** Commits of other processes are found by looking; those of this one wake the stream. */
const safetyPollMs = 1_000;
/** How long a client should wait before it connects again. */
const reconnectMs = 2_000;

const openStreams = new WeakMap<Edge, number>();

/**
 * `GET /v1/events`: all order events as server-sent events, in position order, from after `Last-Event-ID` on (`0`:
 * from the beginning; absent: from now on). At most one page is held per client: the next is read when the last one
 * was taken over by the socket. The stream ends when the client goes or the server closes.
 */
export const streamEvents = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  const { edge, req, res, tenant } = exchange;
  const given = readLastEventId(exchange);
  readQuery(exchange.query, {});
  if (req.method === 'HEAD') return answer(exchange, 200, { 'Content-Type': streamType }, '');
  const open = openStreams.get(edge) ?? 0;
  if (open >= edge.limits.maxStreams) throw unavailable('Too many event streams are open.');
  openStreams.set(edge, open + 1);
  const ended = new AbortController();
  const end = (): void => ended.abort();
  res.once('close', end);
  edge.closing.addEventListener('abort', end);
  try {
    const after = given ?? (await edge.deps.orders.lastPosition());
    // The first page is read before the head is sent, so that a database that is away is still a 503.
    const count = edge.deps.commits.count;
    const first = await edge.deps.orders.feed(tenant, after, pageSize);
    await runStream(exchange, first, after, count, ended);
  } finally {
    edge.closing.removeEventListener('abort', end);
    res.off('close', end);
    openStreams.set(edge, (openStreams.get(edge) ?? 1) - 1);
  }
};

const streamType = 'text/event-stream';

/** Positions beyond what a number can count exactly do not exist: nothing comes after them. */
const readLastEventId = ({ req }: Exchange): number | undefined => {
  const text = header(req, 'last-event-id');
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) {
    throw new HttpProblem('last_event_id_invalid', 'Last-Event-ID must be the id of an event: digits only.');
  }
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
};

const runStream = async (
  { edge, res, tenant, requestId }: Exchange,
  first: FeedPage,
  after: number,
  countAtFirst: number,
  stream: AbortController,
): Promise<void> => {
  const { orders, commits, clock, logger } = edge.deps;
  const ended = stream.signal;
  if (res.destroyed) return;
  res.writeHead(200, {
    'Content-Type': streamType,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': requestId,
    // Reverse proxies would otherwise collect the events.
    'X-Accel-Buffering': 'no',
  });
  res.write(`retry: ${reconnectMs}\n\n`);
  const heartbeats = sendHeartbeats(edge, res, ended);
  try {
    for (let page = first, position = after, count = countAtFirst; !ended.aborted; ) {
      for (const item of page.items) if (!ended.aborted) await take(res, eventText(item), ended);
      if (page.position === position) {
        await commits.changedSince(count, safetyPollMs, ended);
        await clock.sleep(edge.limits.streamPauseMs, ended);
      }
      if (ended.aborted) break;
      position = page.position;
      count = commits.count;
      page = await orders.feed(tenant, position, pageSize);
    }
  } catch (error) {
    // The head is sent, so the client learns of it by the end of the stream, and comes back with Last-Event-ID.
    logger.warn(
      { err: error, correlationId: requestId },
      'an event stream was ended: its events cannot be read',
    );
  }
  stream.abort();
  res.end();
  await heartbeats;
};

/** Writes, and waits until the socket has taken it over or the stream has ended. */
const take = (res: ServerResponse, text: string, ended: AbortSignal): Promise<void> | undefined => {
  if (res.write(text) || ended.aborted) return undefined;
  return new Promise((resolve) => {
    const done = (): void => {
      res.off('drain', done);
      ended.removeEventListener('abort', done);
      resolve();
    };
    res.on('drain', done);
    ended.addEventListener('abort', done);
  });
};

/** A comment now and then keeps proxies from cutting an idle stream. One that is stuck needs none. */
const sendHeartbeats = async (
  { deps, limits }: Edge,
  res: ServerResponse,
  ended: AbortSignal,
): Promise<void> => {
  while (!ended.aborted) {
    await deps.clock.sleep(limits.streamHeartbeatMs, ended);
    if (!ended.aborted && !res.writableEnded && !res.writableNeedDrain) res.write(': still here\n\n');
  }
};

const eventText = (item: HistoryItem): string =>
  `id: ${item.position}\nevent: ${item.type}\ndata: ${JSON.stringify(item)}\n\n`;
