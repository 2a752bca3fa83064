/** `points` (from 0 up) for every `per` minor units (from 1 up) of a currency, both whole numbers. */
export interface PointsRate {
  readonly points: number;
  readonly per: number;
}

/**
 * Whole points for an amount in minor units, rounded down. Exact for every safe integer, and itself one: what is worth
 * more points than a number can count is worth as many as it can.
 */
export const pointsFor = (amount: number, { points, per }: PointsRate): number =>
  Math.min(Number((BigInt(amount) * BigInt(points)) / BigInt(per)), Number.MAX_SAFE_INTEGER);
