import type { Aggregate } from '../shared/aggregate.ts';
import { decide } from './decide.ts';
import { evolve, type OrderState } from './order.ts';
import type { OrderCommand } from './orderCommands.ts';
import type { OrderEvent } from './orderEvents.ts';
import { toPublic } from './orderMessages.ts';
import { orderSchemaVersion, upcastOrderEvent } from './orderUpcasters.ts';

/** The order aggregate: streams `orders/<id>`. */
export const orderAggregate: Aggregate<OrderCommand, OrderEvent, OrderState> = {
  category: 'orders',
  decider: { initial: null, decide, evolve },
  schemaVersion: orderSchemaVersion,
  upcast: upcastOrderEvent,
  toPublic,
};
