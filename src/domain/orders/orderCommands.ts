import type { ShippingAddress, StockShortage } from './orderEvents.ts';

/** `at` is the command's time, ISO 8601. */
interface Timed {
  readonly at: string;
}
/** May lead to a refund, which then gets this id. */
interface MayRefund extends Timed {
  readonly refundId: string;
}

// A client's wish, which may be refused.

export interface PlaceOrder extends Timed {
  readonly type: 'PlaceOrder';
  readonly customerId: string;
  readonly currency: string;
  readonly clientReference: string | null;
  readonly lines: readonly { readonly sku: string; readonly quantity: number; readonly unitPrice: number }[];
  readonly shippingAddress: ShippingAddress | null;
  readonly metadata: Readonly<Record<string, string>>;
}
export interface CancelOrder extends MayRefund {
  readonly type: 'CancelOrder';
  readonly note: string | null;
}
export interface ShipOrder extends Timed {
  readonly type: 'ShipOrder';
  readonly carrier: string;
  readonly trackingNumber: string;
}
export interface DeliverOrder extends Timed {
  readonly type: 'DeliverOrder';
}
export interface RequestRefund extends MayRefund {
  readonly type: 'RequestRefund';
  /** Minor units; null asks for everything that is still refundable. */
  readonly amount: number | null;
  readonly reason: string | null;
}
/** The payment deadline has passed. Nothing happens when the order is paid or over. */
export interface ExpireOrder extends Timed {
  readonly type: 'ExpireOrder';
}

// Facts. They have happened, whatever the order thinks of them: they are recorded and, where need be, compensated.

export interface RecordStockReserved extends Timed {
  readonly type: 'RecordStockReserved';
}
export interface RecordStockRejected extends MayRefund {
  readonly type: 'RecordStockRejected';
  readonly shortages: readonly StockShortage[];
}
export interface RecordStockReleased extends MayRefund {
  readonly type: 'RecordStockReleased';
}
export interface RecordPaymentCaptured extends MayRefund {
  readonly type: 'RecordPaymentCaptured';
  readonly paymentId: string;
  readonly amount: number;
  readonly currency: string;
}
export interface RecordPaymentFailed extends Timed {
  readonly type: 'RecordPaymentFailed';
  readonly paymentId: string;
  readonly reason: string | null;
}
export interface RecordRefundCompleted extends Timed {
  readonly type: 'RecordRefundCompleted';
  readonly refundId: string;
  readonly paymentId: string;
  readonly amount: number;
  readonly currency: string;
}
export interface RecordRefundFailed extends Timed {
  readonly type: 'RecordRefundFailed';
  readonly refundId: string;
  readonly paymentId: string;
  readonly amount: number;
  readonly currency: string;
  readonly reason: string | null;
}

export type OrderCommand =
  | PlaceOrder
  | CancelOrder
  | ShipOrder
  | DeliverOrder
  | RequestRefund
  | ExpireOrder
  | RecordStockReserved
  | RecordStockRejected
  | RecordStockReleased
  | RecordPaymentCaptured
  | RecordPaymentFailed
  | RecordRefundCompleted
  | RecordRefundFailed;
