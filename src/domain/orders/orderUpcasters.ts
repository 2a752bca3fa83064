import type { StoredShape } from '../shared/aggregate.ts';
import { eventShapes } from '../shared/eventShapes.ts';
import type { OrderEvent, OrderPlaced, ShippingAddress } from './orderEvents.ts';

/** What is written today. */
const current = eventShapes<OrderEvent>({
  OrderPlaced: 2,
  StockReserved: 1,
  StockRejected: 1,
  StockReleased: 1,
  PaymentCaptured: 1,
  PaymentFailed: 1,
  PaymentMismatched: 1,
  OrderConfirmed: 1,
  OrderShipped: 1,
  OrderDelivered: 1,
  OrderCancelled: 1,
  RefundRequested: 1,
  RefundCompleted: 1,
  RefundFailed: 1,
});

export const orderSchemaVersion = current.schemaVersion;

/** Version 1 had no totals, no client reference and no metadata, and called the unit price `price`. */
interface OrderPlacedV1 {
  readonly customerId: string;
  readonly currency: string;
  readonly lines: readonly { readonly sku: string; readonly quantity: number; readonly price: number }[];
  readonly shippingAddress?: ShippingAddress;
}

const fromOrderPlacedV1 = (old: OrderPlacedV1): OrderPlaced['data'] => {
  const lines = old.lines.map(({ sku, quantity, price }) => ({
    sku,
    quantity,
    unitPrice: price,
    lineTotal: price * quantity,
  }));
  return {
    customerId: old.customerId,
    currency: old.currency,
    clientReference: null,
    lines,
    total: lines.reduce((sum, line) => sum + line.lineTotal, 0),
    shippingAddress: old.shippingAddress ?? null,
    metadata: {},
  };
};

/** Reads any shape that was ever stored as today's event. The one cast is the boundary to stored data. */
export const upcastOrderEvent = (stored: StoredShape): OrderEvent => {
  const { type, schemaVersion, time: at } = stored;
  return type === 'OrderPlaced' && schemaVersion === 1
    ? { type, at, data: fromOrderPlacedV1(stored.data as OrderPlacedV1) }
    : current.upcast(stored);
};
