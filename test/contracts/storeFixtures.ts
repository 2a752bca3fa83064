import { randomUUID } from 'node:crypto';
import type { NewEvent, StreamKey } from '../../src/ports/eventStore.ts';
import type { IdempotencyRecord } from '../../src/ports/idempotencyStore.ts';
import type { GateKey, SeenMessage, WaitingMessage } from '../../src/ports/inbox.ts';
import type { OrderViewChange } from '../../src/ports/orderViews.ts';
import { type OutboxMessage, type PendingMessage, partitionCount } from '../../src/ports/outbox.ts';
import type { Stores } from '../../src/ports/stores.ts';
import type { Transaction } from '../../src/ports/unitOfWork.ts';
import { TransactionConflict } from '../../src/ports/unitOfWork.ts';

export const stream = (id: string, tenant = 'shop'): StreamKey => ({ tenant, stream: `orders/${id}` });

export const event = (data: object = {}): NewEvent => ({
  id: randomUUID(),
  type: 'OrderPlaced',
  schemaVersion: 1,
  time: '2026-11-23T05:00:00.000Z',
  data,
  correlationId: 'correlation',
  causationId: 'causation',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
});

export const message = (
  source: string,
  sequence: number,
  values: Partial<OutboxMessage> = {},
): OutboxMessage => ({
  id: randomUUID(),
  tenant: 'shop',
  source,
  sequence,
  type: 'orderflow.order.placed.v1',
  exchange: 'events',
  routingKey: 'order.placed',
  payload: `{"text":"é \\"quoted\\" ${sequence}"}`,
  traceparent: null,
  dueAt: 0,
  ...values,
});

export const record = (key: string, values: Partial<IdempotencyRecord> = {}): IdempotencyRecord => ({
  tenant: 'shop',
  caller: 'anna',
  key,
  fingerprint: 'fingerprint',
  answer: `{"status":201,"body":"“${key}”"}`,
  wrote: { stream: `orders/${key}`, sequence: 1 },
  createdAt: 1_000,
  ...values,
});

export const gate = (source: string, consumer = 'inventory'): GateKey => ({
  consumer,
  tenant: 'shop',
  source,
});

export const waiting = (
  source: string,
  sequence: number,
  values: Partial<WaitingMessage> = {},
): WaitingMessage => ({
  ...gate(source),
  sequence,
  messageId: `${source}-${sequence}`,
  type: 'orderflow.order.placed.v1',
  state: 'held',
  attempts: 0,
  deaths: 0,
  dueAt: 0,
  error: null,
  firstSeen: 5_000,
  message: `waiting ${sequence}`,
  ...values,
});

export const seen = (source: string, messageId: string, seenAt = 1_000): SeenMessage => ({
  ...gate(source),
  messageId,
  seenAt,
});

export const view = (
  orderId: string,
  firstPosition: number | null,
  values: Partial<OrderViewChange> = {},
): OrderViewChange => ({
  tenant: 'shop',
  orderId,
  version: 1,
  firstPosition,
  customerId: 'c-1',
  status: 'pending',
  clientReference: null,
  placedAt: 1_000,
  document: `{"id":"${orderId}"}`,
  ...values,
});

export const everyPartition: readonly number[] = Array.from({ length: partitionCount }, (_, index) => index);

/** Everything that is due at `now` (far in the future, unless told), in reading order. */
export const due = (stores: Stores, now = Number.MAX_SAFE_INTEGER): Promise<readonly PendingMessage[]> =>
  stores.outbox.readDue({ partitions: everyPartition, now, limit: 10_000 });

export const add = (stores: Stores, ...messages: readonly OutboxMessage[]): Promise<void> =>
  stores.unitOfWork.transact((tx) => tx.outbox.add(messages));

/** Runs the work again, on fresh reads, for as long as others are faster. */
export const transactUntilDone = async <T>(
  stores: Stores,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await stores.unitOfWork.transact(work);
    } catch (failure) {
      if (!(failure instanceof TransactionConflict) || attempt === 1_000) throw failure;
    }
  }
};
