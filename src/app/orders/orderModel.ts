import type { Order, OrderState } from '../../domain/orders/order.ts';
import { orderAggregate } from '../../domain/orders/orderAggregate.ts';
import type { OrderCommand } from '../../domain/orders/orderCommands.ts';
import { type OrderDocument, orderDocument } from '../../domain/orders/orderDocument.ts';
import type { OrderEvent } from '../../domain/orders/orderEvents.ts';
import type { OrderViewChange } from '../../ports/orderViews.ts';
import type { ViewedChange, WriteModel } from '../commands/work.ts';

/** A row of the order list is a fold of the order's events: it can be thrown away and rebuilt at any time. */
export const orderView = (change: ViewedChange<OrderState>): OrderViewChange => {
  const { tenant, id, version, firstPosition } = change;
  const order = existing(change.state);
  return {
    tenant,
    orderId: id,
    version,
    firstPosition,
    customerId: order.customerId,
    status: order.status,
    clientReference: order.clientReference,
    placedAt: Date.parse(order.placedAt),
    document: JSON.stringify(orderDocument(id, version, order)),
  };
};

export const orderModel: WriteModel<OrderCommand, OrderEvent, OrderState> = {
  aggregate: orderAggregate,
  view: orderView,
};

export const orderStream = (id: string): string => `${orderAggregate.category}/${id}`;

/** The document of an order that is known to exist. */
export const documentOf = (id: string, version: number, state: OrderState): OrderDocument =>
  orderDocument(id, version, existing(state));

const existing = (state: OrderState): Order => {
  if (state === null) throw new Error('this order has no events');
  return state;
};
