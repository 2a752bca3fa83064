/** What one customer was told, or is to be told, of an order. Times are ISO 8601. */
export interface NotificationItem {
  readonly id: string;
  readonly orderId: string;
  readonly template: string;
  readonly status: 'requested' | 'sent' | 'failed';
  /** The one it went by, or was last tried by. */
  readonly channel: string;
  readonly recipient: string;
  /** Attempts that came to nothing. */
  readonly failedAttempts: number;
  readonly error: string | null;
  readonly requestedAt: string;
  readonly sentAt: string | null;
}

/** What the edges may ask of notifications. */
export interface NotificationService {
  /** Oldest first; empty for an order nobody was told of, or that does not exist. */
  ofOrder(tenant: string, orderId: string): Promise<readonly NotificationItem[]>;
}
