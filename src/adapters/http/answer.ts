import { Overloaded } from '../../ports/commands.ts';
import { CommitUnknown, StoreUnavailable } from '../../ports/unitOfWork.ts';
import type { Edge } from './deps.ts';
import { type Exchange, header, traceIdOfExchange } from './Exchange.ts';
import { HttpProblem, problems, problemText, problemType, unavailable } from './problems.ts';

export type AnswerHeaders = Record<string, string | number>;

export const jsonType = 'application/json';

/** The client went away before its request was read: there is nobody to answer. */
export class ClientGone extends Error {
  constructor() {
    super('the client went away');
    this.name = 'ClientGone';
  }
}

/**
 * Sends the answer in one piece. What is common to all answers is added here. Does nothing when the client has gone
 * or was answered.
 */
export const answer = (exchange: Exchange, status: number, headers: AnswerHeaders, body: string): void => {
  const { req, res, edge } = exchange;
  if (res.headersSent || res.destroyed) return;
  if (body.length > largeAnswer && !reserve(exchange, body.length)) {
    answerFailure(exchange, unavailable('Too many large answers are on their way.'));
    return;
  }
  const unread = hasUnreadBody(exchange);
  headers['X-Request-Id'] = exchange.requestId;
  headers['X-Content-Type-Options'] = 'nosniff';
  headers['Cache-Control'] ??= 'no-store';
  if (unread || edge.closing.aborted) headers.Connection = 'close';
  if (status !== 304) headers['Content-Length'] = Buffer.byteLength(body);
  res.writeHead(status, headers);
  const { method } = req;
  edge.deps.logger.debug(
    { method, path: exchange.path, status, correlationId: exchange.requestId },
    'answered',
  );
  if (unread) linger(exchange, req.method === 'HEAD' ? '' : body);
  else res.end(body);
};

const largeAnswer = 64 * 1024;
/** Of all large answers that clients have not taken yet. */
const maxLargeAnswers = 256 * 1024 * 1024;
const largeAnswers = new WeakMap<Edge, number>();

const reserve = ({ edge, res }: Exchange, length: number): boolean => {
  const taken = (largeAnswers.get(edge) ?? 0) + length;
  if (taken > maxLargeAnswers) return false;
  largeAnswers.set(edge, taken);
  res.once('close', () => largeAnswers.set(edge, (largeAnswers.get(edge) ?? length) - length));
  return true;
};

/** Small bodies that nobody read are thrown away by node:http, and the connection lives on; others cost too much. */
const hasUnreadBody = ({ req, edge }: Exchange): boolean => {
  if (req.complete) return false;
  const { headers } = req;
  return (
    headers['transfer-encoding'] !== undefined ||
    Number(headers['content-length'] ?? 0) > edge.limits.maxBodyBytes
  );
};

/**
 * A socket that is closed with unread data in it is reset, and the reset can overtake the answer: so our side is
 * closed at once, and the rest of the request is read and thrown away for a while.
 */
const linger = ({ req, res, edge }: Exchange, body: string): void => {
  res.write(body, () => res.socket?.end());
  const end = (): void => {
    clearTimeout(timer);
    res.end();
  };
  const timer = setTimeout(end, edge.limits.lingerMs);
  req.once('end', end).once('close', end).resume();
};

/** Turns whatever a handler threw into an error answer. What is unknown is logged, and never shown. */
export const answerFailure = (exchange: Exchange, failure: unknown): void => {
  if (failure instanceof ClientGone) return;
  const problem = failure instanceof HttpProblem ? failure : asProblem(exchange, failure);
  const headers: AnswerHeaders = { 'Content-Type': problemType, ...problem.headers };
  if (problem.closes) headers.Connection = 'close';
  const { code, message, violations } = problem;
  const text = problemText(code, message, exchange.path, traceIdOfExchange(exchange), violations);
  answer(exchange, problems[code].status, headers, text);
};

const asProblem = (exchange: Exchange, failure: unknown): HttpProblem => {
  const { logger } = exchange.edge.deps;
  const where = {
    method: exchange.req.method,
    path: exchange.path,
    correlationId: exchange.requestId,
    traceId: traceIdOfExchange(exchange),
  };
  if (failure instanceof Overloaded) {
    logger.debug({ err: failure, ...where }, 'a request was refused: overload');
    return unavailable('The service has too much to do, or is stopping. Try again with the same request.');
  }
  if (failure instanceof StoreUnavailable || failure instanceof CommitUnknown) {
    exchange.edge.outage.refused({ err: failure, ...where });
    return unavailable('The database cannot be reached. Try again with the same request.');
  }
  logger.error({ err: failure, ...where }, 'a request has failed');
  return new HttpProblem('internal_error', 'The service has failed. The trace id leads to its log.');
};

/** A service that stops answers 503, so that the client goes elsewhere. */
export const refuseWhileStopping = ({ edge }: Exchange): void => {
  if (edge.closing.aborted || edge.deps.health.draining()) throw unavailable('The service is stopping.');
};

/** Whether the client waits for `100 Continue` before it sends its body. */
export const awaitsContinue = ({ req }: Exchange): boolean =>
  header(req, 'expect')?.toLowerCase() === '100-continue';
