import type { Aggregate } from '../shared/aggregate.ts';
import { eventShapes } from '../shared/eventShapes.ts';
import {
  decideStock,
  evolveStock,
  type StockCommand,
  type StockEvent,
  type StockState,
  stockDocument,
} from './stock.ts';

/** The count of a SKU: streams `stock/<sku>`. The outside world hears of counts; of orders it hears from reservations. */
export const stockAggregate: Aggregate<StockCommand, StockEvent, StockState> = {
  category: 'stock',
  decider: { initial: null, decide: decideStock, evolve: evolveStock },
  ...eventShapes<StockEvent>({ StockCounted: 1, PiecesReserved: 1, PiecesReleased: 1, PiecesShipped: 1 }),
  isPublic: (type) => type === 'StockCounted',
  toPublic: (_event, after, sku) => {
    if (after === null) throw new Error('a stock event leaves a count behind');
    return { name: 'inventory.stock-adjusted', data: stockDocument(sku, after) };
  },
};
