import { describe, expect, it } from 'vitest';
import { given } from '../support/given.ts';
import {
  decider,
  orderCancelled,
  orderConfirmed,
  orderPlaced,
  paymentCaptured,
  paymentMismatched,
  recordRefundCompleted,
  recordRefundFailed,
  refundCompleted,
  refundFailed,
  refundRequested,
  requestRefund,
  stockReserved,
  total,
} from './orderExamples.ts';

const paid = [orderPlaced(), paymentCaptured()];

describe('asking for a refund', () => {
  it('without an amount asks for everything that is still refundable', () => {
    given(decider, ...paid)
      .when(requestRefund({ amount: null }))
      .thenEvents(refundRequested('r-1', total));
    given(decider, ...paid, refundRequested('r-1', 598))
      .when(requestRefund({ refundId: 'r-2' }))
      .thenEvents(refundRequested('r-2', 2000));
  });

  it('several times, up to what is left', () => {
    const twice = [...paid, refundRequested('r-1', 1000), refundRequested('r-2', 1000)];
    given(decider, ...twice)
      .when(requestRefund({ refundId: 'r-3', amount: 598 }))
      .thenEvents(refundRequested('r-3', 598));
    given(decider, ...twice)
      .when(requestRefund({ refundId: 'r-3', amount: 599 }))
      .thenRefused('order_state_conflict', { detail: '599 was asked for and 598 is refundable' });
  });

  it('never beyond captured minus refunded minus requested', () => {
    const used = [
      ...paid,
      refundRequested('r-1', 1000),
      refundCompleted('r-1', 1000),
      refundRequested('r-2', 1500),
    ];
    given(decider, ...used)
      .when(requestRefund({ refundId: 'r-3', amount: 99 }))
      .thenRefused('order_state_conflict');
    given(decider, ...used)
      .when(requestRefund({ refundId: 'r-3', amount: 98 }))
      .thenEvents(refundRequested('r-3', 98));
  });

  it('not of nothing, nor of less', () => {
    for (const amount of [0, -1]) {
      given(decider, ...paid)
        .when(requestRefund({ amount }))
        .thenRefused('order_state_conflict');
    }
    given(decider, orderPlaced())
      .when(requestRefund())
      .thenRefused('order_state_conflict', { detail: 'all was asked for and 0 is refundable' });
  });

  it('keeps the reason', () => {
    given(decider, ...paid)
      .when(requestRefund({ amount: 1, reason: 'broken cup' }))
      .thenEvents({
        ...refundRequested('r-1', 1),
        data: { refundId: 'r-1', amount: 1, reason: 'broken cup' },
      });
  });

  it('again after one failed, also for a cancelled order', () => {
    given(decider, ...paid, orderCancelled('customer'), refundRequested(), refundFailed())
      .when(requestRefund({ refundId: 'r-2' }))
      .thenEvents(refundRequested('r-2'));
  });
});

describe('what the payment provider reports of a refund', () => {
  it('completed: the money has left', () => {
    const sentence = given(decider, ...paid, refundRequested()).when(recordRefundCompleted());
    sentence.thenEvents(refundCompleted());
    expect(sentence.state()).toMatchObject({ captured: total, refunded: total });
  });

  it('completed twice: counted once', () => {
    given(decider, ...paid, refundRequested(), refundCompleted())
      .when(recordRefundCompleted())
      .thenNothing();
  });

  it('failed: the money is still here and may be asked back again', () => {
    const sentence = given(decider, ...paid, refundRequested()).when(recordRefundFailed());
    sentence.thenEvents(refundFailed());
    expect(sentence.state()).toMatchObject({ captured: total, refunded: 0 });
    expect(sentence.state()?.refunds.get('r-1')).toEqual({ amount: total, status: 'failed' });
    given(decider, ...paid, refundRequested(), refundFailed())
      .when(recordRefundFailed())
      .thenNothing();
  });

  it('failed, then completed: it was completed', () => {
    given(decider, ...paid, refundRequested(), refundFailed())
      .when(recordRefundCompleted())
      .thenEvents(refundCompleted());
  });

  it('completed, then failed: it was completed', () => {
    given(decider, ...paid, refundRequested(), refundCompleted())
      .when(recordRefundFailed())
      .thenNothing();
  });

  it('failed, asked for anew, and completed nevertheless: a mismatch, for there is no money left for it', () => {
    given(decider, ...paid, refundRequested('r-1'), refundFailed('r-1'), refundRequested('r-2'))
      .when(recordRefundCompleted())
      .thenEvents(
        paymentMismatched({
          fact: 'refund.completed',
          refundId: 'r-1',
          amount: total,
          expectedAmount: total,
        }),
      );
  });

  it('the failed refund of a whole payment leaves the order paid: with its goods reserved it is confirmed', () => {
    const waiting = [...paid, refundRequested(), stockReserved()];
    given(decider, ...waiting)
      .when(recordRefundFailed())
      .thenEvents(refundFailed(), orderConfirmed());
    given(decider, ...paid, refundRequested())
      .when(recordRefundFailed())
      .thenEvents(refundFailed());
  });

  it('a refund that nobody asked for is a mismatch', () => {
    given(decider, ...paid)
      .when(recordRefundCompleted({ refundId: 'r-9' }))
      .thenEvents(paymentMismatched({ fact: 'refund.completed', refundId: 'r-9', expectedAmount: 0 }));
    given(decider, ...paid)
      .when(recordRefundFailed({ refundId: 'r-9' }))
      .thenEvents(paymentMismatched({ fact: 'refund.failed', refundId: 'r-9', expectedAmount: 0 }));
  });

  it('another amount or currency than was asked for is a mismatch, and the refund stays open', () => {
    for (const change of [{ amount: 1 }, { currency: 'USD' }]) {
      const completed = given(decider, ...paid, refundRequested()).when(recordRefundCompleted(change));
      completed.thenEvents(paymentMismatched({ fact: 'refund.completed', refundId: 'r-1', ...change }));
      const failed = given(decider, ...paid, refundRequested()).when(recordRefundFailed(change));
      failed.thenEvents(paymentMismatched({ fact: 'refund.failed', refundId: 'r-1', ...change }));
      for (const { state } of [completed, failed]) {
        expect(state()?.refunds.get('r-1')).toEqual({ amount: total, status: 'requested' });
      }
    }
  });

  it('a mismatch is recorded once, however often it is reported', () => {
    const known = paymentMismatched({ fact: 'refund.completed', refundId: 'r-9', expectedAmount: 0 });
    given(decider, ...paid, known)
      .when(recordRefundCompleted({ refundId: 'r-9' }))
      .thenNothing();
  });
});
