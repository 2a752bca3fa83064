import { setTimeout as sleep } from 'node:timers/promises';
import { type HttpAnswer, HttpClient } from '../support/httpClient.ts';
import { evenPace } from './evenPace.ts';

/** Places orders at an even pace, however long the answers take, and cancels every tenth. */
export interface SteadyShop {
  /** Every order that was answered with 201, by its id. */
  readonly placed: ReadonlyMap<string, PlacedOrder>;
  /** How many requests had to be sent again. */
  putOff(): number;
  /** What was not done after all attempts, or refused for good. */
  readonly refused: readonly string[];
  go(): void;
  /** Resolves when every request is answered. */
  pause(): Promise<void>;
  close(): void;
}

export interface PlacedOrder {
  readonly sku: string;
  readonly cancelled: boolean;
}

/** Several, so that not every order waits for every other. */
export const skus: readonly string[] = Array.from({ length: 50 }, (_, index) => `tea-${index}`);
export const quantity = 2;

/** More do not wait for their answers at a time; the pace is missed then. */
const mostUnderWay = 256;
const mostAttempts = 60;
const retryMs = 1_000;

export const steadyShop = (url: string, perSecond: number): SteadyShop => {
  const client = new HttpClient(Number(new URL(url).port));
  const placed = new Map<string, PlacedOrder>();
  const refused: string[] = [];
  let turn = 0;
  let putOff = 0;

  /** As clients are told to: what is answered with 503, or not at all, is sent again with its key. */
  const post = async (path: string, body: object, status: number): Promise<string | null> => {
    const key = crypto.randomUUID();
    for (let attempt = 1; ; attempt += 1) {
      const answer = await send(path, key, body);
      if (answer?.status === status) return answer.json.id;
      if (attempt === mostAttempts || (answer !== null && answer.status !== 503)) {
        refused.push(`${path}: ${answer?.status} ${answer?.text}`);
        return null;
      }
      putOff += 1;
      await sleep(retryMs);
    }
  };

  const send = (path: string, key: string, body: object): Promise<HttpAnswer | null> =>
    client
      .send({
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify(body),
      })
      .catch(() => null);

  const shop = async (): Promise<void> => {
    turn += 1;
    const cancelled = turn % 10 === 0;
    const sku = skus[turn % skus.length] ?? '';
    const lines = [{ sku, quantity, unitPrice: 1299 }];
    const id = await post('/v1/orders', { customerId: 'c-42', currency: 'EUR', lines }, 201);
    if (id === null) return;
    placed.set(id, { sku, cancelled });
    if (cancelled) await post(`/v1/orders/${id}/cancel`, { reason: 'changed my mind' }, 200);
  };

  const pace = evenPace({ perSecond, mostUnderWay, start: shop });

  return {
    placed,
    putOff: () => putOff,
    refused,
    go: pace.go,
    pause: async () => {
      await pace.pause();
      // Idle connections would count as what the server holds.
      client.close();
    },
    close: () => {
      pace.stop();
      client.close();
    },
  };
};
