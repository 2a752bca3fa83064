import type { PointsEvent } from '../../domain/loyalty/points.ts';
import { pointsAggregate } from '../../domain/loyalty/pointsAggregate.ts';
import type { LoyaltyService, PointsEntry } from '../../ports/loyaltyService.ts';
import type { Stores } from '../../ports/stores.ts';
import { readState } from '../commands/readState.ts';
import { pointsModel, pointsStream } from './loyaltyModels.ts';

/** The answer stays small for a customer of many years, and so does what is read for it. */
const maxEntries = 1_000;

export const loyaltyService = (stores: Pick<Stores, 'events' | 'snapshots'>): LoyaltyService => ({
  account: async (tenant, customerId) => {
    const { state, version } = await readState(pointsModel, stores, tenant, customerId);
    // Of the same moment as the balance, whatever is written meanwhile.
    const shown = { after: Math.max(0, version - maxEntries), through: version };
    const stored = await stores.events.readStreams([{ tenant, stream: pointsStream(customerId), ...shown }]);
    const entries = stored.map((event) => entryOf(pointsAggregate.upcast(event))).reverse();
    return { customerId, points: state.balance, entries };
  },
});

const entryOf = ({ type, at, data: { orderId, points } }: PointsEvent): PointsEntry =>
  type === 'PointsCredited'
    ? { orderId, points, reason: 'delivered', at }
    : { orderId, points: -points, reason: 'refund', at };
