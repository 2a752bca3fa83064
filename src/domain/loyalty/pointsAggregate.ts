import type { Aggregate } from '../shared/aggregate.ts';
import { eventShapes } from '../shared/eventShapes.ts';
import {
  decidePoints,
  evolvePoints,
  type MovePoints,
  noPoints,
  type Points,
  type PointsEvent,
} from './points.ts';

const names: Readonly<Record<PointsEvent['type'], string>> = {
  PointsCredited: 'loyalty.points-credited',
  PointsClawedBack: 'loyalty.points-clawed-back',
};

/** A customer's points: streams `points/<customer id>`. */
export const pointsAggregate: Aggregate<MovePoints, PointsEvent, Points> = {
  category: 'points',
  decider: { initial: noPoints, decide: decidePoints, evolve: evolvePoints },
  ...eventShapes<PointsEvent>({ PointsCredited: 1, PointsClawedBack: 1 }),
  toPublic: ({ type, data }, after, customerId) => ({
    name: names[type],
    data: { customerId, ...data, balance: after.balance },
  }),
};
