import type { PointsEvent } from '../../domain/loyalty/points.ts';
import { pointsAggregate } from '../../domain/loyalty/pointsAggregate.ts';
import { fold } from '../../domain/shared/decider.ts';
import type { EventReader } from '../../ports/eventStore.ts';
import type { LoyaltyService, PointsEntry } from '../../ports/loyaltyService.ts';
import { pointsStream } from './loyaltyModels.ts';

/** The answer stays small for a customer of many years. */
const maxEntries = 1_000;

export const loyaltyService = (events: Pick<EventReader, 'readStream'>): LoyaltyService => ({
  account: async (tenant, customerId) => {
    const stored = await events.readStream({ tenant, stream: pointsStream(customerId) });
    const history = stored.map(pointsAggregate.upcast);
    const { balance } = fold(pointsAggregate.decider, history);
    return { customerId, points: balance, entries: history.slice(-maxEntries).map(entryOf).reverse() };
  },
});

const entryOf = ({ type, at, data: { orderId, points } }: PointsEvent): PointsEntry =>
  type === 'PointsCredited'
    ? { orderId, points, reason: 'delivered', at }
    : { orderId, points: -points, reason: 'refund', at };
