import type { OrderCommand } from '../../domain/orders/orderCommands.ts';
import type { PaymentFact } from '../../ports/callbackService.ts';

/** The command that records a fact. Captured money that the order cannot keep is asked back under `freshRefundId`. */
export const paymentCommand = (fact: PaymentFact, at: string, freshRefundId: string): OrderCommand => {
  const { type, paymentId, amount, currency, reason } = fact;
  switch (type) {
    case 'payment.captured':
      return { type: 'RecordPaymentCaptured', at, paymentId, amount, currency, refundId: freshRefundId };
    case 'payment.failed':
      return { type: 'RecordPaymentFailed', at, paymentId, reason };
    case 'refund.completed':
      return { type: 'RecordRefundCompleted', at, paymentId, refundId: refundIdOf(fact), amount, currency };
    case 'refund.failed':
      return {
        type: 'RecordRefundFailed',
        at,
        paymentId,
        refundId: refundIdOf(fact),
        amount,
        currency,
        reason,
      };
    default:
      return type satisfies never;
  }
};

const refundIdOf = ({ type, refundId }: PaymentFact): string => {
  if (refundId === null) throw new Error(`${type} names no refund`);
  return refundId;
};
