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

/** Beyond it a number no longer counts exactly. */
const mostPoints = Number.MAX_SAFE_INTEGER;

/**
 * No order is ever worth less than nothing, so neither is the sum of them. Nothing is refused, as an order's facts are
 * not: an account that is full takes what still fits, and one that was full may have less than is to be clawed back.
 */
export const decidePoints = (
  { at, orderId, change }: MovePoints,
  { balance }: Points,
): Decision<PointsEvent> => {
  const points = change > 0 ? Math.min(change, mostPoints - balance) : Math.min(-change, balance);
  if (points === 0) return accept();
  return change > 0
    ? accept<PointsEvent>({ type: 'PointsCredited', at, data: { orderId, points } })
    : accept<PointsEvent>({ type: 'PointsClawedBack', at, data: { orderId, points, reason: 'refund' } });
};
