/**
 * Lives whole lives of orders at a service, as its clients and its payment provider: place, capture, ship, deliver.
 * Argument: `{ url, orders, atOnce, secrets }`. Prints `{ seconds }`, from the first request until all are delivered
 * and the points of the last ones are credited.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DemoClient } from '../../src/app/cli/demo/DemoClient.ts';
import { paymentProvider, providerKeyIn } from '../../src/app/cli/demo/PaymentProvider.ts';
import { orderBody } from '../support/orderBodies.ts';

interface Input {
  readonly url: string;
  readonly orders: number;
  readonly atOnce: number;
  readonly secrets: string;
}

const { url, orders, atOnce, secrets } = JSON.parse(process.argv[2] ?? '{}') as Input;
const key = providerKeyIn(secrets);
if (key === undefined) throw new Error('the secrets name no provider');
const client = new DemoClient(new URL(url), atOnce);
const provider = paymentProvider(client, key);

const post = async (path: string, idempotencyKey: string, body: object, status: number) => {
  const answer = await client.post(path, idempotencyKey, body);
  if (answer.status !== status) throw new Error(`${path} answered ${answer.status}: ${answer.body}`);
  return JSON.parse(answer.body) as {
    readonly id: string;
    readonly total: number;
    readonly customerId: string;
  };
};

const until = async (path: string, holds: (found: Record<string, unknown>) => boolean): Promise<void> => {
  while (!holds(JSON.parse((await client.get(path)).body) as Record<string, unknown>)) await sleep(50);
};

const live = async (number: number): Promise<void> => {
  const placed = await post('/v1/orders', `place-${number}`, JSON.parse(orderBody()) as object, 201);
  const { id: orderId, total: amount, customerId } = placed;
  const captured = {
    type: 'payment.captured',
    orderId,
    paymentId: `p-${number}`,
    amount,
    currency: 'EUR',
  } as const;
  const answer = await provider.report(`capture-${number}`, captured);
  if (answer.status !== 202) throw new Error(`the callback was answered ${answer.status}: ${answer.body}`);
  const path = `/v1/orders/${orderId}`;
  await until(path, ({ status }) => status === 'confirmed');
  await post(`${path}/ship`, `ship-${number}`, { carrier: 'c', trackingNumber: 't' }, 200);
  await post(`${path}/deliver`, `deliver-${number}`, {}, 200);
  // Only the last ones wait for their points: all others come before them, or beside them.
  if (number <= orders - atOnce) return;
  const credited = (entries: unknown): boolean =>
    (entries as readonly { readonly orderId: string }[]).some((entry) => entry.orderId === orderId);
  await until(`/v1/loyalty/${customerId}`, ({ entries }) => credited(entries));
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
client.close();
console.log(JSON.stringify({ seconds }));
