import { randomUUID } from 'node:crypto';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { WritePipeline } from '../../src/app/commands/WritePipeline.ts';
import { orderService } from '../../src/app/orders/orderService.ts';
import type { PlaceOrder } from '../../src/domain/orders/orderCommands.ts';
import type { OrderRequest } from '../../src/ports/orderService.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { orderBody } from './orderBodies.ts';

const batch = 2_000;

/** Places so many orders through the write pipeline, in batches far larger than requests ever make. */
export const placeOrders = async (
  stores: Stores,
  count: number,
  idOf: (n: number) => string = () => uuidV7Ids.next(),
): Promise<void> => {
  const pipeline = new WritePipeline({
    unitOfWork: stores.unitOfWork,
    clock: systemClock,
    ids: uuidV7Ids,
    logger: silentLogger,
    capacity: 2 * batch,
    maxBatch: batch,
    onCommitted: () => undefined,
  });
  const waiters = { waitFor: async () => false };
  const orders = orderService({ pipeline, events: stores.events, views: stores.orderViews, waiters });
  for (let placed = 0; placed < count; placed += batch) {
    const size = Math.min(batch, count - placed);
    const ids = Array.from({ length: size }, (_, index) => idOf(placed + index));
    await Promise.all(ids.map((id) => orders.submit(orderRequest(id))));
  }
};

/** What the HTTP edge makes of a request of the load generator. */
const orderRequest = (orderId: string): OrderRequest => {
  const requestId = uuidV7Ids.next();
  const body = JSON.parse(orderBody()) as Omit<PlaceOrder, 'type' | 'at'>;
  return {
    cause: {
      tenant: 'default',
      correlationId: requestId,
      causationId: requestId,
      traceparent: `00-${requestId.replaceAll('-', '')}-${requestId.replaceAll('-', '').slice(16)}-01`,
    },
    orderId,
    command: { type: 'PlaceOrder', at: new Date().toISOString(), ...body },
    repeatable: {
      caller: 'anonymous',
      key: randomUUID(),
      fingerprint: 'f'.repeat(43),
      remember: (outcome) =>
        outcome.kind === 'accepted'
          ? `[201,"application/json","/v1/orders/${outcome.order.id}","\\"1\\""]\n${JSON.stringify(outcome.order)}`
          : null,
    },
  };
};

/** Marks everything in the outbox as published, as it is after the relay has done its work. */
export const markAllPublished = async ({ outbox, leases }: Stores): Promise<void> => {
  const owner = uuidV7Ids.next();
  for (;;) {
    const { held } = await leases.renew(owner, systemClock.now(), 60_000);
    const partitions = held.map(({ partition }) => partition);
    const rows = await outbox.readDue({ partitions, now: systemClock.now(), limit: 5_000 });
    if (rows.length === 0) break;
    const numbers = rows.map(({ row }) => row);
    await outbox.markPublished(numbers, systemClock.now(), owner, held);
  }
  await leases.release(owner, 'all');
};
