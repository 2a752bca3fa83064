import type { CallbackQuery, CallbackRow } from './callbacks.ts';
import type { Cause } from './commands.ts';

/** What a third party says of an order's money. Amounts are minor units. */
export interface PaymentFact {
  readonly type: 'payment.captured' | 'payment.failed' | 'refund.completed' | 'refund.failed';
  readonly orderId: string;
  readonly paymentId: string;
  /** Of the request for the refund. Facts about refunds have it. */
  readonly refundId: string | null;
  readonly amount: number;
  readonly currency: string;
  readonly reason: string | null;
}

/** What a verified body was found to say: a fact, nothing that concerns us, or nothing that can be understood. */
export type CallbackContent =
  | { readonly kind: 'fact'; readonly fact: PaymentFact }
  | { readonly kind: 'ignored'; readonly reason: string }
  | { readonly kind: 'invalid'; readonly reason: string };

/** A callback whose signature was verified. */
export interface VerifiedCallback {
  readonly cause: Cause;
  readonly provider: string;
  readonly callbackId: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** As it was signed. */
  readonly body: Uint8Array;
  readonly content: CallbackContent;
}

export interface CallbackService {
  /**
   * Resolves when the callback is durable. A fact is applied to its order in the same transaction, or parked when
   * there is no such order yet; the same callback again changes nothing, unless the first was invalid and this one is
   * not. `invalid`: it was recorded, and its sender is to be told. Rejects as commands do.
   */
  receive(callback: VerifiedCallback): Promise<'accepted' | 'invalid'>;
  /** Newest first. */
  list(query: CallbackQuery): Promise<readonly CallbackRow[]>;
  get(tenant: string, id: string): Promise<CallbackRow | undefined>;
}
