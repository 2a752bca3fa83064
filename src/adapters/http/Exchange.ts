import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Cause } from '../../ports/commands.ts';
import type { Edge } from './deps.ts';
import { readTraceparent, startTrace, traceIdOf } from './traceContext.ts';

/** One request and its answer. */
export interface Exchange {
  readonly edge: Edge;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** As sent, without the query. */
  readonly path: string;
  /** Without the question mark; empty when there is none. */
  readonly query: string;
  /** Decoded parts of the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly tenant: string;
  /** Scope of idempotency keys. */
  readonly caller: string;
  /** The client's X-Request-Id, or a fresh one; echoed, and the correlation id of everything that follows. */
  readonly requestId: string;
  /** Decompressed; 0 until the body was read. */
  bodyBytes: number;
  /** Made when first needed: see `traceparentOf`. */
  traceparent: string | undefined;
}

/** Answers an exchange, or throws: a `HttpProblem` for the client, anything else is a failure of ours. */
export type Handler = (exchange: Exchange) => void | Promise<void>;

/** Anything goes into our logs and messages, so only what is short and visible is taken over. */
const requestIdShape = /^[\x21-\x7e]{1,128}$/;

export const openExchange = (
  edge: Edge,
  req: IncomingMessage,
  res: ServerResponse,
  params: Readonly<Record<string, string>>,
): Exchange => {
  const url = req.url ?? '/';
  const mark = url.indexOf('?');
  const given = req.headers['x-request-id'];
  return {
    edge,
    req,
    res,
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    params,
    tenant: 'default',
    caller: 'anonymous',
    requestId: typeof given === 'string' && requestIdShape.test(given) ? given : edge.deps.ids.next(),
    bodyBytes: 0,
    traceparent: undefined,
  };
};

/** The caller's trace goes on unchanged; where there is none, one is started. */
const traceparentOf = (exchange: Exchange): string => {
  exchange.traceparent ??=
    readTraceparent(header(exchange.req, 'traceparent')) ?? startTrace(exchange.edge.deps.ids.next());
  return exchange.traceparent;
};

export const traceIdOfExchange = (exchange: Exchange): string => traceIdOf(traceparentOf(exchange));

/** The request is the root of what follows, so it is cause and correlation in one. */
export const causeOf = (exchange: Exchange): Cause => ({
  tenant: exchange.tenant,
  correlationId: exchange.requestId,
  causationId: exchange.requestId,
  traceparent: traceparentOf(exchange),
});

/** A header's value; several of one name come joined by ", ". */
export const header = (req: IncomingMessage, name: string): string | undefined => {
  const value = req.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
};
