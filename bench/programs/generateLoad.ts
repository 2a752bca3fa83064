/**
 * The load generator, a program of its own: so many connections, on each one request after the other, over bare
 * sockets, because an HTTP client would take the processor that the server needs. Every request is an order with a
 * fresh Idempotency-Key, or a signed callback about an order that is stored. Reads a `LoadSpec` from its first argument and prints a `LoadResult`, both as JSON.
 */
import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { callbackRequest } from '../support/callbackRequests.ts';
import type { LoadResult, LoadSpec } from '../support/loadSpec.ts';
import { orderBody } from '../support/orderBodies.ts';

const spec = JSON.parse(process.argv[2] ?? '') as LoadSpec;
const { hostname, port } = new URL(spec.url);
const { path = '/v1/orders' } = spec;

const head = `POST ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: application/json\r\n`;
const orderHead = `${head}Content-Length: ${Buffer.byteLength(orderBody())}\r\nIdempotency-Key: `;

/** Callbacks are signed before the measurement begins: signing is their senders' work. */
const callbacks =
  path === '/v1/orders'
    ? []
    : Array.from({ length: spec.requests ?? 0 }, (_, index) => callbackRequest(head, index));

const request = (): string => callbacks[sent] ?? `${orderHead}${randomUUID()}\r\n\r\n${orderBody()}`;

let sent = 0;
let answered = 0;
let stopping = false;
let measuredFrom = 0;
let latencies: number[] = [];
const statuses: Record<string, number> = {};

/** Length of the whole answer at the start of `text`, or -1 while it is not known. */
const answerLength = (text: string): number => {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return -1;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1];
  if (length === undefined) throw new Error(`an answer without a length: ${text.slice(0, end)}`);
  return end + 4 + Number(length);
};

const drive = (socket: Socket, done: () => void): void => {
  let sentAt = 0;
  let pending = '';
  const send = (): void => {
    if (stopping || (spec.requests !== undefined && sent === spec.requests)) {
      socket.destroy();
      done();
      return;
    }
    const next = request();
    sent += 1;
    sentAt = performance.now();
    socket.write(next, 'latin1');
  };
  socket.on('data', (chunk: Buffer) => {
    // Answers are in ASCII, so characters are bytes.
    pending += chunk.toString('latin1');
    const length = answerLength(pending);
    if (length < 0 || pending.length < length) return;
    if (pending.length > length) throw new Error('more than the answer came');
    const status = pending.slice(9, 12);
    statuses[status] = (statuses[status] ?? 0) + 1;
    pending = '';
    answered += 1;
    latencies.push(performance.now() - sentAt);
    send();
  });
  socket.on('error', fail);
  socket.on('close', () => {
    if (!socket.destroyed || pending !== '') fail(new Error('the server closed a connection'));
  });
  socket.on('connect', send);
};

const fail = (error: Error): void => {
  process.stderr.write(`load generator: ${error.message}\n`);
  process.exit(1);
};

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

let answeredBefore = 0;
const beginMeasuring = (): void => {
  measuredFrom = performance.now();
  answeredBefore = answered;
  latencies = [];
};

const report = (): void => {
  const seconds = (performance.now() - measuredFrom) / 1000;
  const measured = answered - answeredBefore;
  const sorted = latencies.sort((a, b) => a - b);
  const result: LoadResult = {
    requests: measured,
    perSecond: measured / seconds,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    statuses,
  };
  process.stdout.write(JSON.stringify(result));
};

beginMeasuring();
let open = spec.connections;
for (let count = 0; count < spec.connections; count += 1) {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  drive(socket, () => {
    open -= 1;
    if (open === 0 && spec.requests !== undefined) report();
  });
}
if (spec.requests === undefined) {
  setTimeout(beginMeasuring, spec.warmUpSeconds * 1000);
  setTimeout(
    () => {
      report();
      stopping = true;
    },
    (spec.warmUpSeconds + spec.seconds) * 1000,
  );
}
