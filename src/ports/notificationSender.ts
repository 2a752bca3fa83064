/** What is sent by one route. */
export interface OutgoingNotification {
  /** The same for every try of one notification: whoever receives it can tell repetitions. */
  readonly idempotencyKey: string;
  readonly orderId: string;
  readonly template: string;
  /** In the terms of the channel: an email address, a customer's id. */
  readonly recipient: string;
  readonly values: Readonly<Record<string, string>>;
}

/**
 * Sends by one channel.
 *
 * - Resolves when somebody else has taken responsibility: the mail server, the receiver of the webhook.
 * - Rejects when that is not known to have happened, within a bounded time; what was sent may have arrived.
 *   `SendRefused` says that trying again cannot help.
 * - `signal` ends it early. Two calls with one idempotency key carry the same key to the receiver.
 * - `close` ends what is under way. Closing twice is fine.
 */
export interface NotificationSender {
  send(notification: OutgoingNotification, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** The receiver, or the address, will never take it. */
export class SendRefused extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SendRefused';
  }
}
