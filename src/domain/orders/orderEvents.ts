import type { DomainEvent } from '../shared/decider.ts';

export interface OrderLine {
  readonly sku: string;
  readonly quantity: number;
  /** Minor units. */
  readonly unitPrice: number;
  /** quantity × unitPrice, minor units. */
  readonly lineTotal: number;
}

export interface ShippingAddress {
  readonly name: string;
  readonly line1: string;
  readonly line2?: string;
  readonly postalCode: string;
  readonly city: string;
  readonly region?: string;
  readonly countryCode: string;
}

export type CancelReason = 'customer' | 'out_of_stock' | 'payment_failed' | 'expired';

export interface StockShortage {
  readonly sku: string;
  /** How many pieces were missing. */
  readonly missing: number;
}

/** A verified fact about money that does not fit the order; kept as it was reported. */
export interface MismatchedFact {
  readonly fact: 'payment.captured' | 'refund.completed' | 'refund.failed';
  readonly paymentId: string;
  readonly refundId: string | null;
  readonly amount: number;
  readonly currency: string;
  readonly expectedAmount: number;
  readonly expectedCurrency: string;
}

export type OrderPlaced = DomainEvent<
  'OrderPlaced',
  {
    readonly customerId: string;
    readonly currency: string;
    readonly clientReference: string | null;
    readonly lines: readonly OrderLine[];
    readonly total: number;
    readonly shippingAddress: ShippingAddress | null;
    readonly metadata: Readonly<Record<string, string>>;
  }
>;
export type StockReserved = DomainEvent<'StockReserved', Record<never, never>>;
export type StockRejected = DomainEvent<'StockRejected', { readonly shortages: readonly StockShortage[] }>;
export type StockReleased = DomainEvent<'StockReleased', Record<never, never>>;
export type PaymentCaptured = DomainEvent<
  'PaymentCaptured',
  { readonly paymentId: string; readonly amount: number }
>;
export type PaymentFailed = DomainEvent<
  'PaymentFailed',
  { readonly paymentId: string; readonly reason: string | null }
>;
export type PaymentMismatched = DomainEvent<'PaymentMismatched', MismatchedFact>;
export type OrderConfirmed = DomainEvent<'OrderConfirmed', Record<never, never>>;
export type OrderShipped = DomainEvent<
  'OrderShipped',
  { readonly carrier: string; readonly trackingNumber: string }
>;
export type OrderDelivered = DomainEvent<'OrderDelivered', Record<never, never>>;
export type OrderCancelled = DomainEvent<
  'OrderCancelled',
  { readonly reason: CancelReason; readonly note: string | null }
>;
export type RefundRequested = DomainEvent<
  'RefundRequested',
  { readonly refundId: string; readonly amount: number; readonly reason: string | null }
>;
export type RefundCompleted = DomainEvent<
  'RefundCompleted',
  { readonly refundId: string; readonly paymentId: string; readonly amount: number }
>;
export type RefundFailed = DomainEvent<
  'RefundFailed',
  { readonly refundId: string; readonly paymentId: string; readonly reason: string | null }
>;

export type OrderEvent =
  | OrderPlaced
  | StockReserved
  | StockRejected
  | StockReleased
  | PaymentCaptured
  | PaymentFailed
  | PaymentMismatched
  | OrderConfirmed
  | OrderShipped
  | OrderDelivered
  | OrderCancelled
  | RefundRequested
  | RefundCompleted
  | RefundFailed;
