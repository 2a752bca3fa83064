import type { MovePoints, Points, PointsEvent } from '../../domain/loyalty/points.ts';
import { pointsAggregate } from '../../domain/loyalty/pointsAggregate.ts';
import type { SaleCommand, SaleEvent, SaleState } from '../../domain/loyalty/sale.ts';
import { saleAggregate } from '../../domain/loyalty/saleAggregate.ts';
import type { WriteModel } from '../commands/work.ts';

/** A good customer comes again and again. */
export const pointsModel: WriteModel<MovePoints, PointsEvent, Points> = {
  aggregate: pointsAggregate,
  snapshots: {
    every: 100,
    schema: 1,
    encode: (points) => points,
    // Written by `encode` under this very schema.
    decode: (encoded) => encoded as Points,
  },
};

export const saleModel: WriteModel<SaleCommand, SaleEvent, SaleState> = { aggregate: saleAggregate };

export const pointsStream = (customerId: string): string => `${pointsAggregate.category}/${customerId}`;

export const saleStream = (orderId: string): string => `${saleAggregate.category}/${orderId}`;
