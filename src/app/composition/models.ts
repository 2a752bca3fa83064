import type { DomainEvent } from '../../domain/shared/decider.ts';
import type { WriteModel } from '../commands/work.ts';
import { reservationModel, stockModel } from '../inventory/inventoryModels.ts';
import { pointsModel, saleModel } from '../loyalty/loyaltyModels.ts';
import { type PublicHistory, publicHistoryOf } from '../messaging/replay/publicHistory.ts';
import { notificationModel } from '../notifications/notificationModel.ts';
import { orderModel } from '../orders/orderModel.ts';

/** What the program as a whole needs to know of a model. */
interface KnownModel {
  readonly aggregate: { readonly category: string };
  readonly snapshots?: { readonly schema: number };
  readonly history: PublicHistory;
}

const known = <C, E extends DomainEvent, S>({ aggregate, snapshots }: WriteModel<C, E, S>): KnownModel => ({
  aggregate,
  ...(snapshots === undefined ? {} : { snapshots }),
  history: publicHistoryOf(aggregate),
});

/** Every model that is written, whichever database its context has. */
export const models: readonly KnownModel[] = [
  known(orderModel),
  known(stockModel),
  known(reservationModel),
  known(saleModel),
  known(pointsModel),
  known(notificationModel),
];

/** By category: what each kind of stream was published as. */
export const histories: ReadonlyMap<string, PublicHistory> = new Map(
  models.map(({ aggregate, history }) => [aggregate.category, history]),
);
