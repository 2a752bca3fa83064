import { describe, expect, it } from 'vitest';
import { paymentStatus } from '../../src/domain/orders/order.ts';
import type { OrderEvent } from '../../src/domain/orders/orderEvents.ts';
import { fold } from '../../src/domain/shared/decider.ts';
import { given } from '../support/given.ts';
import {
  cancelOrder,
  decider,
  expireOrder,
  freeOrderPlaced,
  orderCancelled,
  orderConfirmed,
  orderPlaced,
  orderShipped,
  paymentCaptured,
  paymentFailed,
  paymentMismatched,
  recordPaymentCaptured,
  recordPaymentFailed,
  recordStockRejected,
  recordStockReleased,
  recordStockReserved,
  refundCompleted,
  refundFailed,
  refundRequested,
  stockRejected,
  stockReleased,
  stockReserved,
  total,
} from './orderExamples.ts';

const confirmed = [orderPlaced(), stockReserved(), paymentCaptured(), orderConfirmed()];
const payment = (...events: readonly OrderEvent[]) => paymentStatus(fold(decider, events)!);

describe('confirming', () => {
  it('the goods first, then the money', () => {
    given(decider, orderPlaced(), stockReserved())
      .when(recordPaymentCaptured())
      .thenEvents(paymentCaptured(), orderConfirmed());
  });

  it('the money first, then the goods', () => {
    given(decider, orderPlaced(), paymentCaptured())
      .when(recordStockReserved())
      .thenEvents(stockReserved(), orderConfirmed());
  });

  it('a failed attempt before does not matter', () => {
    given(decider, orderPlaced(), stockReserved(), paymentFailed())
      .when(recordPaymentCaptured())
      .thenEvents(paymentCaptured(), orderConfirmed());
  });

  it('not while the whole payment is being asked back', () => {
    given(decider, orderPlaced(), paymentCaptured(), refundRequested())
      .when(recordStockReserved())
      .thenEvents(stockReserved());
  });

  it('still while a part of the payment is being asked back', () => {
    given(decider, orderPlaced(), paymentCaptured(), refundRequested('r-1', total - 1))
      .when(recordStockReserved())
      .thenEvents(stockReserved(), orderConfirmed());
  });

  it('by a new payment, after the first was asked back', () => {
    given(decider, orderPlaced(), stockReserved(), paymentCaptured(), refundRequested(), refundCompleted())
      .when(recordPaymentCaptured({ paymentId: 'p-2' }))
      .thenEvents(paymentCaptured('p-2'), orderConfirmed());
  });

  it('a stock answer, a capture and a failure each count once', () => {
    given(decider, ...confirmed)
      .when(recordStockReserved())
      .thenNothing();
    given(decider, ...confirmed)
      .when(recordStockRejected())
      .thenNothing();
    given(decider, ...confirmed)
      .when(recordPaymentCaptured())
      .thenNothing();
    given(decider, orderPlaced(), paymentFailed()).when(recordPaymentFailed()).thenNothing();
    given(decider, orderPlaced(), stockReleased()).when(recordStockReserved()).thenNothing();
  });

  it('an attempt that was captured is not reported as failed later', () => {
    given(decider, orderPlaced(), paymentCaptured()).when(recordPaymentFailed()).thenNothing();
    expect(payment(orderPlaced(), paymentFailed(), paymentCaptured())).toBe('captured');
  });
});

describe('money that comes for an order that is over or paid', () => {
  it('a capture after the cancellation is recorded and asked back', () => {
    given(decider, orderPlaced(), orderCancelled('customer'))
      .when(recordPaymentCaptured())
      .thenEvents(paymentCaptured(), refundRequested('r-capture'));
  });

  it('a second capture is recorded and asked back', () => {
    given(decider, ...confirmed)
      .when(recordPaymentCaptured({ paymentId: 'p-2' }))
      .thenEvents(paymentCaptured('p-2'), refundRequested('r-capture'));
  });

  it('a capture of nothing for a cancelled free order asks nothing back', () => {
    given(decider, freeOrderPlaced(), orderCancelled('customer'))
      .when(recordPaymentCaptured({ amount: 0 }))
      .thenEvents(paymentCaptured('p-1', 0));
  });

  it('a capture whose sum could not be counted exactly is recorded as a mismatch', () => {
    const most = Number.MAX_SAFE_INTEGER;
    const huge = orderPlaced({ total: most });
    given(decider, huge, paymentCaptured('p-1', most))
      .when(recordPaymentCaptured({ paymentId: 'p-2', amount: most }))
      .thenEvents(paymentMismatched({ paymentId: 'p-2', amount: most, expectedAmount: most }));
  });
});

describe('a capture that does not fit the order', () => {
  it('another amount is recorded as a mismatch and not counted', () => {
    for (const amount of [0, total - 1, total + 1]) {
      given(decider, orderPlaced(), stockReserved())
        .when(recordPaymentCaptured({ amount }))
        .thenEvents(paymentMismatched({ amount }));
    }
    expect(payment(orderPlaced(), paymentMismatched({ amount: 1 }))).toBe('awaiting');
  });

  it('another currency is recorded as a mismatch and not counted', () => {
    given(decider, orderPlaced(), stockReserved())
      .when(recordPaymentCaptured({ currency: 'USD' }))
      .thenEvents(paymentMismatched({ currency: 'USD' }));
  });

  it('is recorded once, however often it is reported', () => {
    given(decider, orderPlaced(), paymentMismatched({ amount: 1 }))
      .when(recordPaymentCaptured({ amount: 1 }))
      .thenNothing();
    given(decider, orderPlaced(), paymentMismatched({ amount: 1 }))
      .when(recordPaymentCaptured({ amount: 2 }))
      .thenEvents(paymentMismatched({ amount: 2 }));
  });

  it('the right amount under the same payment id counts afterwards', () => {
    given(decider, orderPlaced(), paymentMismatched({ amount: 1 }))
      .when(recordPaymentCaptured())
      .thenEvents(paymentCaptured());
  });

  it('a payment that was captured and is reported with another amount is a mismatch', () => {
    given(decider, ...confirmed)
      .when(recordPaymentCaptured({ amount: 1 }))
      .thenEvents(paymentMismatched({ amount: 1 }));
  });
});

describe('goods', () => {
  it('reserved after the cancellation are released', () => {
    given(decider, orderPlaced(), orderCancelled('customer'))
      .when(recordStockReserved())
      .thenEvents(stockReserved(), stockReleased());
  });

  it('rejected: the order is cancelled, and nothing is asked back where nothing was paid', () => {
    given(decider, orderPlaced())
      .when(recordStockRejected())
      .thenEvents(stockRejected(), orderCancelled('out_of_stock'));
  });

  it('rejected with the money captured: the order is cancelled and the money asked back', () => {
    given(decider, orderPlaced(), paymentCaptured())
      .when(recordStockRejected())
      .thenEvents(stockRejected(), orderCancelled('out_of_stock'), refundRequested('r-stock'));
  });

  it('released before shipping: the order is cancelled and the money asked back', () => {
    given(decider, ...confirmed)
      .when(recordStockReleased())
      .thenEvents(stockReleased(), orderCancelled('out_of_stock'), refundRequested('r-stock'));
  });

  it('released before shipping: only the rest is asked back', () => {
    given(decider, ...confirmed, refundRequested('r-1', 598))
      .when(recordStockReleased())
      .thenEvents(stockReleased(), orderCancelled('out_of_stock'), refundRequested('r-stock', 2000));
  });

  it('released after shipping: recorded, and the order goes on', () => {
    given(decider, ...confirmed, orderShipped())
      .when(recordStockReleased())
      .thenEvents(stockReleased());
  });
});

describe('cancelling', () => {
  it('without money in, nothing is asked back', () => {
    given(decider, orderPlaced(), stockReserved())
      .when(cancelOrder())
      .thenEvents(orderCancelled('customer', 'too late'));
  });

  it('with money captured, the rest of it is asked back', () => {
    given(decider, ...confirmed)
      .when(cancelOrder())
      .thenEvents(orderCancelled('customer', 'too late'), refundRequested('r-cancel'));
    given(decider, ...confirmed, refundRequested('r-1', 598), refundCompleted('r-1', 598))
      .when(cancelOrder({ note: null }))
      .thenEvents(orderCancelled('customer'), refundRequested('r-cancel', 2000));
  });

  it('a refund that failed before is asked for again', () => {
    given(decider, ...confirmed, refundRequested(), refundFailed())
      .when(cancelOrder())
      .thenEvents(orderCancelled('customer', 'too late'), refundRequested('r-cancel'));
  });
});

describe('the payment deadline', () => {
  it('cancels an order for which no payment was tried as expired', () => {
    given(decider, orderPlaced()).when(expireOrder()).thenEvents(orderCancelled('expired'));
    given(decider, orderPlaced(), stockReserved()).when(expireOrder()).thenEvents(orderCancelled('expired'));
  });

  it('cancels an order whose payment failed as such', () => {
    given(decider, orderPlaced(), paymentFailed())
      .when(expireOrder())
      .thenEvents(orderCancelled('payment_failed'));
  });

  it('cancels an unpaid order for which only a mismatch was reported', () => {
    given(decider, orderPlaced(), paymentMismatched({ amount: 1 }))
      .when(expireOrder())
      .thenEvents(orderCancelled('expired'));
  });

  it('cancels an order whose whole payment was asked back', () => {
    given(decider, orderPlaced(), paymentCaptured(), refundRequested())
      .when(expireOrder())
      .thenEvents(orderCancelled('expired'));
  });

  it('tells an attempt that failed for good from one that was captured later', () => {
    const retried = [orderPlaced(), paymentFailed('p-1'), paymentCaptured('p-1'), refundRequested()];
    given(decider, ...retried)
      .when(expireOrder())
      .thenEvents(orderCancelled('expired'));
    given(decider, ...retried, paymentFailed('p-2'))
      .when(expireOrder())
      .thenEvents(orderCancelled('payment_failed'));
    given(decider, orderPlaced(), paymentFailed('p-2'), ...retried.slice(1))
      .when(expireOrder())
      .thenEvents(orderCancelled('payment_failed'));
  });

  it('leaves a paid order alone, also one that waits for its goods', () => {
    given(decider, orderPlaced(), paymentCaptured()).when(expireOrder()).thenNothing();
    given(decider, orderPlaced(), paymentFailed(), paymentCaptured()).when(expireOrder()).thenNothing();
  });
});

describe('the payment as the client sees it', () => {
  it('follows the money', () => {
    expect(payment(orderPlaced())).toBe('awaiting');
    expect(payment(freeOrderPlaced())).toBe('captured');
    expect(payment(orderPlaced(), paymentFailed())).toBe('failed');
    expect(payment(orderPlaced(), paymentCaptured())).toBe('captured');
    expect(payment(orderPlaced(), paymentCaptured(), refundRequested('r-1', 1))).toBe('refund_pending');
    const part = [orderPlaced(), paymentCaptured(), refundRequested('r-1', 1), refundCompleted('r-1', 1)];
    expect(payment(...part)).toBe('captured');
    const rest = refundRequested('r-2', total - 1);
    expect(payment(...part, rest, refundCompleted('r-2', total - 1))).toBe('refunded');
    expect(payment(...part, rest, refundFailed('r-2'))).toBe('captured');
  });
});
