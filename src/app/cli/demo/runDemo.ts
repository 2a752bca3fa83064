import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, DemoClient } from './DemoClient.ts';
import { accepted, type Books, compareCopies, expectRefusal, openBooks, told } from './demoBooks.ts';
import { demoOrder, referencePrefix, scarceSku } from './demoOrders.ts';
import type { DemoReport } from './demoReport.ts';
import { EventFollower } from './EventFollower.ts';
import { type LifeParts, type LivedOrder, liveOn, orderOf } from './orderLife.ts';
import { type ProviderKey, paymentProvider } from './PaymentProvider.ts';

export interface DemoOptions {
  readonly client: DemoClient;
  readonly orders: number;
  readonly concurrency: number;
  /** For payments by signed callbacks; without it nobody pays, and the orders wait for their money. */
  readonly providerKey?: ProviderKey;
  /** Stops placing; what was placed is still followed to its end. */
  readonly signal: AbortSignal;
  readonly onProgress: (done: number) => void;
  /** How long accepted changes may take to be seen in the event stream. */
  readonly seenWithinMs?: number;
}

/** One order in so many is treated like this. */
const every = { copied: 5, cancelled: 8, cancelledTwice: 40, keyReused: 25, scarce: 10 };

/** How long nothing must come before the story is over. */
const quietMs = 600;
const quietWithinMs = 5_000;

/**
 * Places orders, repeats some requests with their key, cancels some, and asks for some things that must be refused;
 * meanwhile follows the event stream. Rejects when the event stream cannot be opened.
 */
export const runDemo = async (options: DemoOptions): Promise<DemoReport> => {
  const { client, orders, concurrency, signal, onProgress, seenWithinMs = 15_000 } = options;
  const run = `demo-${randomUUID().slice(0, 8)}`;
  const follower = new EventFollower(client, referencePrefix(run));
  await follower.start();
  const books = openBooks();
  const life = lifeIn(options, run, books);
  if (life !== undefined) await stockScarceGoods(life, orders);
  const started = performance.now();
  let next = 0;
  let done = 0;
  const worker = async () => {
    while (next < orders && !signal.aborted) {
      next += 1;
      const number = next;
      const placed = await liveAnOrder(client, books, run, number, Math.ceil(orders / 4), life !== undefined);
      if (placed !== undefined && life !== undefined) await liveOn(life, number, placed);
      done += 1;
      onProgress(done);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, orders) }, worker));
  const seconds = Math.round(performance.now() - started) / 1000;
  const unseen = await waitUntilSeen(follower, books.versions, seenWithinMs);
  await follower.stop();
  const ends =
    life === undefined ? new Map<string, number>() : await endsOf(life, [...books.versions.keys()]);
  const { versions, ...counted } = books;
  return {
    ...counted,
    placed: versions.size,
    repeated: client.repeated,
    reconnects: follower.reconnects,
    seen: follower.types,
    outOfOrder: follower.outOfOrder,
    unseen,
    seconds,
    latencies: client.latencies,
    ends,
  };
};

const lifeIn = ({ client, providerKey }: DemoOptions, run: string, books: Books): LifeParts | undefined =>
  providerKey === undefined
    ? undefined
    : {
        client,
        run,
        provider: paymentProvider(client, providerKey),
        command: async (what, path, key, body, status) =>
          accepted(books, what, await attempt(client, path, key, body), status) !== undefined,
        surprise: (what) => books.surprises.push(what),
      };

/** Enough for about half of those who want it. */
const stockScarceGoods = async ({ client, run, surprise }: LifeParts, orders: number): Promise<void> => {
  const onHand = Math.ceil(orders / every.scarce / 2);
  const path = `/v1/stock/${encodeURIComponent(scarceSku(run))}`;
  const answer = await client.send('PUT', path, JSON.stringify({ onHand }), {});
  if (answer.status !== 200) surprise(`PUT ${path}: ${told(answer)}`);
};

const endsOf = async (life: LifeParts, ids: readonly string[]): Promise<ReadonlyMap<string, number>> => {
  const ends = new Map<string, number>();
  for (const id of ids) {
    const end = endOf(await orderOf(life, id));
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  return new Map([...ends].sort(([, one], [, other]) => other - one));
};

const endOf = ({ status, cancelReason, stock, payment }: LivedOrder): string =>
  `${cancelReason === null ? status : `${status}: ${cancelReason}`} · stock ${stock} · payment ${payment}`;

/** Returns the id of an order that goes on. */
const liveAnOrder = async (
  client: DemoClient,
  books: Books,
  run: string,
  number: number,
  customers: number,
  mayBeScarce: boolean,
): Promise<string | undefined> => {
  const scarce = mayBeScarce && number % every.scarce === 0;
  const body = demoOrder(run, number, Math.max(1, customers), scarce);
  const key = `${run}-place-${number}`;
  const copied = number % every.copied === 0;
  const [first, copy] = await Promise.all([
    attempt(client, '/v1/orders', key, body),
    // At the same moment, as a client does that sees its connection break.
    copied ? attempt(client, '/v1/orders', key, body) : undefined,
  ]);
  if (copied) compareCopies(books, first, copy);
  const placed = accepted(books, 'POST /v1/orders', first, 201);
  if (placed === undefined) return undefined;
  if (number % every.keyReused === 0) {
    const other = { ...body, clientReference: `${body.clientReference}-other` };
    expectRefusal(books, await attempt(client, '/v1/orders', key, other), ['idempotency_key_reused']);
  }
  if (number % every.cancelled !== 0) return placed.id;
  await cancel(client, books, run, number, placed.id);
  return undefined;
};

const cancel = async (
  client: DemoClient,
  books: Books,
  run: string,
  number: number,
  orderId: string,
): Promise<void> => {
  const path = `/v1/orders/${orderId}/cancel`;
  const answer = await attempt(client, path, `${run}-cancel-${number}`, { reason: 'changed my mind' });
  // The shop may have been faster, for example for want of stock.
  if (answer instanceof Error || answer.status !== 409) {
    if (accepted(books, 'cancel', answer, 200) !== undefined) books.cancelled += 1;
  } else expectRefusal(books, answer, ['order_state_conflict']);
  if (number % every.cancelledTwice === 0) {
    const again = await attempt(client, path, `${run}-cancel-again-${number}`, {});
    expectRefusal(books, again, ['order_state_conflict']);
  }
};

const attempt = (client: DemoClient, path: string, key: string, body: object): Promise<Answer | Error> =>
  client
    .post(path, key, body)
    .catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));

/** Waits for every accepted change, then for what others make of it; returns how many orders were not seen whole. */
const waitUntilSeen = async (
  follower: EventFollower,
  versions: ReadonlyMap<string, number>,
  seenWithinMs: number,
): Promise<number> => {
  const unseen = () =>
    [...versions].filter(([orderId, version]) => follower.versionOf(orderId) < version).length;
  const started = performance.now();
  while (unseen() > 0 && performance.now() - started < seenWithinMs) await sleep(20);
  const seenAt = performance.now();
  while (follower.quietForMs < quietMs && performance.now() - seenAt < quietWithinMs) await sleep(20);
  return unseen();
};
