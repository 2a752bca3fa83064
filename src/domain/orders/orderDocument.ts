import { type Order, paymentStatus } from './order.ts';

/** The order as the outside world sees it: the body of HTTP answers and the data of `order.placed`. */
export const orderDocument = (id: string, version: number, order: Order) => ({
  id,
  version,
  status: order.status,
  stock: order.stock,
  payment: paymentStatus(order),
  customerId: order.customerId,
  currency: order.currency,
  clientReference: order.clientReference,
  lines: order.lines,
  total: order.total,
  captured: order.captured,
  refunded: order.refunded,
  shippingAddress: order.shippingAddress,
  metadata: order.metadata,
  cancelReason: order.cancelReason,
  cancelNote: order.cancelNote,
  placedAt: order.placedAt,
  updatedAt: order.updatedAt,
});

export type OrderDocument = ReturnType<typeof orderDocument>;
