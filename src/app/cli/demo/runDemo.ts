import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, DemoClient } from './DemoClient.ts';
import { demoOrder, referencePrefix, scarceSku } from './demoOrders.ts';
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

/** What was sent, how it was answered, and what of it was seen in the event stream. */
export interface DemoReport {
  readonly placed: number;
  readonly cancelled: number;
  /** Requests sent again with their key, and how many of them got the first answer, byte for byte. */
  readonly copies: number;
  readonly replayed: number;
  /** Refusals by their problem code, each of which had been asked for. */
  readonly refused: ReadonlyMap<string, number>;
  /** What should not have happened, a sentence each. */
  readonly surprises: readonly string[];
  /** Sent again because the server was away or asked for it. */
  readonly repeated: number;
  readonly reconnects: number;
  readonly seen: ReadonlyMap<string, number>;
  readonly outOfOrder: number;
  /** Orders of which some accepted change was not seen. */
  readonly unseen: number;
  readonly seconds: number;
  readonly latencies: readonly number[];
  /** How many orders ended as what, the most first; empty when nobody paid. */
  readonly ends: ReadonlyMap<string, number>;
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

type Books = ReturnType<typeof openBooks>;
const openBooks = () => ({
  /** The last version that each accepted order was answered with. */
  versions: new Map<string, number>(),
  cancelled: 0,
  copies: 0,
  replayed: 0,
  refused: new Map<string, number>(),
  surprises: [] as string[],
});

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

const accepted = (
  books: Books,
  what: string,
  answer: Answer | Error,
  status: number,
): { readonly id: string } | undefined => {
  if (answer instanceof Error || answer.status !== status) {
    books.surprises.push(`${what}: ${told(answer)}`);
    return undefined;
  }
  const order = JSON.parse(answer.body) as { readonly id: string; readonly version: number };
  books.versions.set(order.id, Math.max(order.version, books.versions.get(order.id) ?? 0));
  return order;
};

/** Two copies that arrive at once: one does the work, the other gets the same answer. */
const compareCopies = (books: Books, one: Answer | Error, other: Answer | Error | undefined): void => {
  books.copies += 1;
  if (one instanceof Error || other === undefined || other instanceof Error) return;
  const replays = [one, other].filter(({ headers }) => headers['idempotent-replayed'] === 'true').length;
  const same =
    one.status === other.status &&
    one.body === other.body &&
    one.headers.location === other.headers.location &&
    one.headers.etag === other.headers.etag;
  // Both are replays when the first answer was lost on the way and its request sent again.
  if (same && replays >= 1) books.replayed += 1;
  else
    books.surprises.push(`two copies of a request were answered differently: ${told(one)}; ${told(other)}`);
};

const expectRefusal = (books: Books, answer: Answer | Error, codes: readonly string[]): void => {
  const code = answer instanceof Error ? undefined : problemCode(answer);
  if (code !== undefined && codes.includes(code)) books.refused.set(code, (books.refused.get(code) ?? 0) + 1);
  else books.surprises.push(`expected ${codes.join(' or ')}, but: ${told(answer)}`);
};

const problemCode = ({ headers, body }: Answer): string | undefined =>
  headers['content-type']?.startsWith('application/problem+json')
    ? (JSON.parse(body) as { readonly code?: string }).code
    : undefined;

const told = (answer: Answer | Error): string =>
  answer instanceof Error ? answer.message : `${answer.status} ${answer.body.slice(0, 200)}`;

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
