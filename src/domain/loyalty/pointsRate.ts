/** `points` (from 0 up) for every `per` minor units (from 1 up) of a currency, both whole numbers. */
export interface PointsRate {
  readonly points: number;
  readonly per: number;
}

/** Whole points for an amount in minor units, rounded down. Exact for every safe integer. */
export const pointsFor = (amount: number, { points, per }: PointsRate): number =>
  Number((BigInt(amount) * BigInt(points)) / BigInt(per));
