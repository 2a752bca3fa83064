import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';

export interface HttpRequest {
  readonly method?: string;
  readonly path?: string;
  /** A list of values sends the header so many times. */
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body parsed; undefined when it is empty. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into bodies of every shape, and fails where they differ
  readonly json: any;
}

/**
 * node:http and nothing else: `fetch` adds headers of its own, joins repeated ones, and hides what the server did
 * with the connection.
 */
export class HttpClient {
  private readonly port: number;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 256 });

  constructor(port: number) {
    this.port = port;
  }

  send({ method = 'GET', path = '/', headers = {}, body }: HttpRequest): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const length =
        body === undefined || 'transfer-encoding' in headers
          ? {}
          : { 'content-length': Buffer.byteLength(body) };
      const options = {
        host: '127.0.0.1',
        port: this.port,
        method,
        path,
        agent: this.agent,
        headers: { ...length, ...headers },
      };
      const sent = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const json = text === '' ? undefined : JSON.parse(text);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  /**
   * Writes bytes as they are, and resolves with everything that came back when the server has closed its side.
   * Rejects when the connection is reset: many clients would then never look at their answer.
   */
  raw(...parts: readonly (string | Buffer)[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port: this.port, host: '127.0.0.1', allowHalfOpen: true });
      let text = '';
      const timer = setTimeout(() => {
        socket.destroy();
        reject(new Error(`the server did not close the connection; so far it sent: ${text}`));
      }, 10_000);
      socket.setEncoding('latin1');
      socket.on('connect', () => {
        for (const part of parts) socket.write(part);
      });
      socket.on('data', (chunk) => {
        text += chunk;
      });
      const done = (): void => {
        clearTimeout(timer);
        socket.destroy();
        resolve(text);
      };
      socket.on('end', done);
      socket.on('error', reject);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}
