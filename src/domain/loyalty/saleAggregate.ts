import type { Aggregate } from '../shared/aggregate.ts';
import { eventShapes } from '../shared/eventShapes.ts';
import { decideSale, evolveSale, type SaleCommand, type SaleEvent, type SaleState } from './sale.ts';

/** What loyalty remembers of an order: streams `sales/<order id>`. The outside world hears of points only. */
export const saleAggregate: Aggregate<SaleCommand, SaleEvent, SaleState> = {
  category: 'sales',
  decider: { initial: null, decide: decideSale, evolve: evolveSale },
  ...eventShapes<SaleEvent>({ SaleOpened: 1, SaleCaptured: 1, SaleRefunded: 1, SaleDelivered: 1 }),
  isPublic: () => false,
  toPublic: ({ type }) => {
    throw new Error(`${type} is not public`);
  },
};
