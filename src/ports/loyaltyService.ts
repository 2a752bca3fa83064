export interface PointsEntry {
  readonly orderId: string;
  /** Negative when they were taken back. */
  readonly points: number;
  readonly reason: 'delivered' | 'refund';
  /** ISO 8601. */
  readonly at: string;
}

export interface LoyaltyAccount {
  readonly customerId: string;
  readonly points: number;
  /** Newest first, the latest thousand. */
  readonly entries: readonly PointsEntry[];
}

/** What the edges may ask of loyalty. */
export interface LoyaltyService {
  /** A customer who never earned anything has no points and no entries. */
  account(tenant: string, customerId: string): Promise<LoyaltyAccount>;
}
