import { accept, type Decision, type DomainEvent } from '../shared/decider.ts';

/** `points` are whole, from 1 up. */
interface Movement {
  readonly orderId: string;
  readonly points: number;
}

export type PointsCredited = DomainEvent<'PointsCredited', Movement>;
export type PointsClawedBack = DomainEvent<'PointsClawedBack', Movement & { readonly reason: 'refund' }>;

export type PointsEvent = PointsCredited | PointsClawedBack;

/** What a customer has. */
export interface Points {
  readonly balance: number;
}

/** An order of the customer is worth `change` points more, or less, than before. */
export interface MovePoints {
  readonly type: 'MovePoints';
  readonly at: string;
  readonly orderId: string;
  readonly change: number;
}

export const noPoints: Points = { balance: 0 };

export const evolvePoints = ({ balance }: Points, { type, data }: PointsEvent): Points => ({
  balance: type === 'PointsCredited' ? balance + data.points : balance - data.points,
});

/** No order is ever worth less than nothing, so neither is the sum of them. */
export const decidePoints = ({ at, orderId, change }: MovePoints): Decision<PointsEvent> => {
  if (change > 0)
    return accept<PointsEvent>({ type: 'PointsCredited', at, data: { orderId, points: change } });
  if (change < 0) {
    const data = { orderId, points: -change, reason: 'refund' } as const;
    return accept<PointsEvent>({ type: 'PointsClawedBack', at, data });
  }
  return accept();
};
