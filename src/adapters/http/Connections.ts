import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { answerFailure } from './answer.ts';
import type { Edge } from './deps.ts';
import { openExchange } from './Exchange.ts';
import { HttpProblem, type ProblemCode, problems, problemText, problemType } from './problems.ts';
import { startTrace, traceIdOf } from './traceContext.ts';

interface Begun {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

interface Connection {
  newest: Begun;
  /** Requests that came before the last one was answered. */
  readonly waiting: Begun[];
}

/** One chunk from a socket can hold a thousand small requests: a client that sends so many ahead is cut off. */
const maxWaiting = 100;

const details = {
  bad_request: 'This is not a valid HTTP/1.1 request.',
  headers_too_large: 'The request line and the headers together are too large.',
  request_timeout: 'The request did not arrive in time.',
} as const satisfies Partial<Record<ProblemCode, string>>;

/**
 * Serves the requests of each connection one after another: a few kilobytes of pipelined requests must not make
 * thousands of answers that nobody reads. Knows the newest request of each, so that what comes on it and is not HTTP
 * is refused in its turn: an answer that is still due goes first, or the client would take the refusal for it.
 */
export class Connections {
  readonly #edge: Edge;
  readonly #serve: (req: IncomingMessage, res: ServerResponse) => void;
  readonly #connections = new WeakMap<Duplex, Connection>();

  constructor(edge: Edge, serve: (req: IncomingMessage, res: ServerResponse) => void) {
    this.#edge = edge;
    this.#serve = serve;
  }

  /** Serves the request now, or when those before it on its connection are answered. */
  readonly begin = (req: IncomingMessage, res: ServerResponse): void => {
    const begun = { req, res };
    const known = this.#connections.get(req.socket);
    if (known === undefined || known.newest.res.writableFinished) {
      const connection = { newest: begun, waiting: [] };
      this.#connections.set(req.socket, connection);
      this.#run(begun, connection);
      return;
    }
    known.newest = begun;
    if (known.waiting.push(begun) > maxWaiting) req.socket.destroy();
  };

  #run({ req, res }: Begun, connection: Connection): void {
    res.once('close', () => {
      const next = connection.waiting.shift();
      if (next !== undefined && !next.res.destroyed) this.#run(next, connection);
    });
    this.#serve(req, res);
  }

  /** Answers 400, 408 or 431, and closes the connection: nothing that follows on it can be trusted. */
  refuse(socket: Duplex, error?: Error & { readonly code?: string }): void {
    if (error?.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const code = codeOf(error?.code);
    const begun = this.#connections.get(socket)?.newest;
    if (begun === undefined || begun.res.writableFinished) this.#write(socket, code);
    else if (begun.req.complete) begun.res.once('finish', () => this.#write(socket, code));
    else if (begun.res.headersSent) this.#closeSoon(socket);
    else this.#answer(begun, code);
  }

  /** The body of the newest request is broken: the refusal is its answer. */
  #answer({ req, res }: Begun, code: keyof typeof details): void {
    const exchange = openExchange(this.#edge, req, res, {});
    answerFailure(exchange, new HttpProblem(code, details[code], { closes: true }));
  }

  /** By hand, because there is no request that could be answered. */
  #write(socket: Duplex, code: keyof typeof details): void {
    if (!socket.writable) return;
    const { status } = problems[code];
    const traceId = traceIdOf(startTrace(this.#edge.deps.ids.next()));
    const body = problemText(code, details[code], '', traceId);
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${problemType}\r\nConnection: close\r\n` +
        `Cache-Control: no-store\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    this.#closeSoon(socket);
  }

  /** Not at once: a socket that is destroyed with unread data in it is reset, and that can overtake the answer. */
  #closeSoon(socket: Duplex): void {
    setTimeout(() => socket.destroy(), this.#edge.limits.lingerMs).unref();
  }
}

const codeOf = (parserCode: string | undefined): keyof typeof details => {
  if (parserCode === 'HPE_HEADER_OVERFLOW') return 'headers_too_large';
  return parserCode === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request_timeout' : 'bad_request';
};
