/**
 * The load generator, a program of its own: so many connections, on each one request after the other. Every request
 * is an order with a fresh Idempotency-Key, or a signed callback about an order that is stored. Reads a `LoadSpec`
 * from its first argument and prints a `LoadResult`, both as JSON.
 */
import { randomUUID } from 'node:crypto';
import { callbackRequest, numberedOrderId } from '../support/callbackRequests.ts';
import { LeanConnection } from '../support/LeanConnection.ts';
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
    : Array.from({ length: spec.requests ?? 0 }, (_, index) => callbackRequest(head, numberedOrderId(index)));

const request = (): string => callbacks[sent] ?? `${orderHead}${randomUUID()}\r\n\r\n${orderBody()}`;

let sent = 0;
let answered = 0;
let stopping = false;
let measuredFrom = 0;
let latencies: number[] = [];
const statuses: Record<string, number> = {};

const drive = async (connection: LeanConnection): Promise<void> => {
  while (!stopping && sent !== spec.requests) {
    const next = request();
    sent += 1;
    const sentAt = performance.now();
    const { status } = await connection.ask(next);
    statuses[status] = (statuses[status] ?? 0) + 1;
    answered += 1;
    latencies.push(performance.now() - sentAt);
  }
  connection.close();
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

const connections = await Promise.all(
  Array.from({ length: spec.connections }, () => LeanConnection.open(spec.url)),
);
beginMeasuring();
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
await Promise.all(connections.map(drive));
if (spec.requests !== undefined) report();
