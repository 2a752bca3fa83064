import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** How long a request is repeated with the same key while the server is away or overloaded. */
const patienceMs = 30_000;

/** A client of the service, with connections of its own and the manners that it asks of clients. */
export class DemoClient {
  readonly #base: URL;
  readonly #agent: http.Agent;
  /** How long each answer took, from the first byte sent to the last received, in ms. */
  readonly latencies: number[] = [];
  /** Requests that were sent again, because the server was away or asked for it. */
  repeated = 0;

  constructor(base: URL, connections: number) {
    this.#base = base;
    const options = { keepAlive: true, maxSockets: connections + 1 };
    this.#agent = base.protocol === 'https:' ? new https.Agent(options) : new http.Agent(options);
  }

  /** Rejects with the connection's error. */
  get(path: string): Promise<Answer> {
    return this.#send('GET', path, {}, '');
  }

  /** As `send`, with a key: repeated, it is done once. */
  post(path: string, key: string, json: object): Promise<Answer> {
    return this.send('POST', path, JSON.stringify(json), { 'Idempotency-Key': key });
  }

  /**
   * Sends JSON until there is an answer that stands: what fails on the way, or is refused for the moment, is sent
   * again, so it must be repeatable. Rejects with the last error when patience ends.
   */
  async send(
    method: 'POST' | 'PUT',
    path: string,
    body: string,
    more: http.OutgoingHttpHeaders,
  ): Promise<Answer> {
    const headers = { 'Content-Type': 'application/json', ...more };
    const giveUpAt = performance.now() + patienceMs;
    for (let attempt = 1; ; attempt += 1) {
      const started = performance.now();
      let wait = Math.min(2_000, 50 * 2 ** attempt);
      try {
        const answer = await this.#send(method, path, headers, body);
        if (answer.status !== 503 && answer.status !== 429) {
          this.latencies.push(performance.now() - started);
          return answer;
        }
        if (performance.now() > giveUpAt) return answer;
        wait = Math.max(wait, Number(answer.headers['retry-after'] ?? 0) * 1000);
      } catch (error) {
        if (performance.now() > giveUpAt) throw error;
      }
      this.repeated += 1;
      await sleep(wait);
    }
  }

  /** Opens a response whose body is read as it comes. Rejects when the connection fails. */
  open(path: string, headers: http.OutgoingHttpHeaders, signal: AbortSignal): Promise<http.IncomingMessage> {
    return new Promise((resolve, reject) => {
      this.#request('GET', path, headers, signal).once('response', resolve).once('error', reject).end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(
    method: string,
    path: string,
    headers: http.OutgoingHttpHeaders,
    body: string,
  ): Promise<Answer> {
    const length = { 'Content-Length': Buffer.byteLength(body) };
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      this.#request(method, path, { ...headers, ...length }, AbortSignal.timeout(patienceMs))
        .once('response', resolve)
        .once('error', reject)
        .end(body);
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: Buffer.concat(chunks).toString(),
    };
  }

  #request(
    method: string,
    path: string,
    headers: http.OutgoingHttpHeaders,
    signal: AbortSignal,
  ): http.ClientRequest {
    const { request } = this.#base.protocol === 'https:' ? https : http;
    // A path of its own in the address stays in front: the service may stand behind a proxy.
    const url = new URL(this.#base.pathname.replace(/\/$/, '') + path, this.#base);
    return request(url, { method, headers, signal, agent: this.#agent });
  }
}
