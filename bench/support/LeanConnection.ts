import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface LeanAnswer {
  readonly status: number;
  /** In latin1: answers of the service are in ASCII, so characters are bytes. */
  readonly body: string;
}

/**
 * An HTTP connection with one request under way, over a bare socket: an HTTP client would take the processor that the
 * server needs. Every answer must carry its length.
 */
export class LeanConnection {
  readonly #socket: Socket;
  #pending = '';
  #waiting: PromiseWithResolvers<LeanAnswer> | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk.toString('latin1')));
    socket.on('error', (error) => this.#waiting?.reject(error));
    socket.on('close', () => this.#waiting?.reject(new Error('the server closed a connection')));
  }

  static async open(url: string): Promise<LeanConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    return new LeanConnection(socket);
  }

  /** Sends a whole request, in latin1, and resolves with its answer. */
  ask(request: string): Promise<LeanAnswer> {
    if (this.#waiting !== null) throw new Error('the last answer has not come yet');
    this.#waiting = Promise.withResolvers();
    this.#socket.write(request, 'latin1');
    return this.#waiting.promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#pending += text;
    const head = this.#pending.indexOf('\r\n\r\n');
    if (head < 0) return;
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.#pending.slice(0, head))?.[1];
    if (length === undefined) throw new Error(`an answer without a length: ${this.#pending.slice(0, head)}`);
    const end = head + 4 + Number(length);
    if (this.#pending.length < end) return;
    if (this.#pending.length > end) throw new Error('more than the answer came');
    const answer = { status: Number(this.#pending.slice(9, 12)), body: this.#pending.slice(head + 4) };
    this.#pending = '';
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(answer);
  }
}
