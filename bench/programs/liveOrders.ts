/**
 * Lives whole lives of orders at a service, as its clients and its payment provider: place, capture, ship, deliver.
 * Argument: `{ url, orders, atOnce, connections }`. Prints `{ seconds }`, from the first request until all are
 * delivered and the points of the last ones are credited.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { callbackProvider, callbackRequest } from '../support/callbackRequests.ts';
import { type LeanAnswer, LeanConnection } from '../support/LeanConnection.ts';
import { orderBody } from '../support/orderBodies.ts';

interface Input {
  readonly url: string;
  readonly orders: number;
  readonly atOnce: number;
  readonly connections: number;
}

const { url, orders, atOnce, connections } = JSON.parse(process.argv[2] ?? '{}') as Input;
const { host } = new URL(url);
/** How long a client waits before it looks again: looking more often would measure the looking. */
const lookAgainMs = 500;

const free = await Promise.all(Array.from({ length: connections }, () => LeanConnection.open(url)));
const queue: ((connection: LeanConnection) => void)[] = [];

const ask = async (request: string, status: number): Promise<LeanAnswer> => {
  const connection = free.pop() ?? (await new Promise<LeanConnection>((take) => queue.push(take)));
  const answer = await connection.ask(request);
  const next = queue.shift();
  if (next === undefined) free.push(connection);
  else next(connection);
  if (answer.status === status) return answer;
  throw new Error(`${request.slice(0, request.indexOf('\r'))}: ${answer.status} ${answer.body}`);
};

const headOf = (path: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`;

const command = async (path: string, key: string, body: string, status: number): Promise<unknown> => {
  const lengths = `Content-Length: ${body.length}\r\nIdempotency-Key: ${key}\r\n\r\n`;
  return JSON.parse((await ask(headOf(path) + lengths + body, status)).body);
};

const until = async (path: string, holds: (body: string) => boolean): Promise<void> => {
  const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  do await sleep(lookAgainMs);
  while (!holds((await ask(request, 200)).body));
};

const callbackHead = headOf(`/v1/callbacks/${callbackProvider}`);

const live = async (number: number): Promise<void> => {
  const placed = await command('/v1/orders', `place-${number}`, orderBody(), 201);
  const { id, customerId } = placed as { readonly id: string; readonly customerId: string };
  await ask(callbackRequest(callbackHead, id), 202);
  const path = `/v1/orders/${id}`;
  await until(path, (body) => body.includes('"status":"confirmed"'));
  await command(`${path}/ship`, `ship-${number}`, '{"carrier":"c","trackingNumber":"t"}', 200);
  await command(`${path}/deliver`, `deliver-${number}`, '{}', 200);
  // Only the last ones wait for their points: all others come before them, or beside them.
  if (number > orders - atOnce) await until(`/v1/loyalty/${customerId}`, (body) => body.includes(id));
};

const startedAt = performance.now();
let next = 0;
const worker = async (): Promise<void> => {
  while (next < orders) {
    next += 1;
    await live(next);
  }
};
await Promise.all(Array.from({ length: atOnce }, worker));
const seconds = (performance.now() - startedAt) / 1000;
for (const connection of free) connection.close();
process.stdout.write(JSON.stringify({ seconds }));
