import { describe, expect, it } from 'vitest';
import type { OrderCommand } from '../../src/domain/orders/orderCommands.ts';
import type { OrderEvent } from '../../src/domain/orders/orderEvents.ts';
import { fold } from '../../src/domain/shared/decider.ts';
import { given } from '../support/given.ts';
import {
  cancelOrder,
  decider,
  deliverOrder,
  expireOrder,
  orderCancelled,
  orderConfirmed,
  orderDelivered,
  orderPlaced,
  orderShipped,
  paymentCaptured,
  placeOrder,
  recordPaymentCaptured,
  recordPaymentFailed,
  recordRefundCompleted,
  recordRefundFailed,
  recordStockRejected,
  recordStockReleased,
  recordStockReserved,
  refundRequested,
  requestRefund,
  shipOrder,
  stockReserved,
} from './orderExamples.ts';

const confirmed = [orderPlaced(), stockReserved(), paymentCaptured(), orderConfirmed()];

/** Every status, and pending and cancelled also with the money in. */
const pasts: readonly (readonly [string, readonly OrderEvent[]])[] = [
  ['pending', [orderPlaced()]],
  ['pending, paid', [orderPlaced(), paymentCaptured()]],
  ['confirmed', confirmed],
  ['shipped', [...confirmed, orderShipped()]],
  ['delivered', [...confirmed, orderShipped(), orderDelivered()]],
  ['cancelled', [orderPlaced(), orderCancelled('customer')]],
  ['cancelled, paid', [orderPlaced(), paymentCaptured(), orderCancelled('customer'), refundRequested()]],
];

/** The events of the table below, by the words that stand for them. */
const words: Readonly<Record<string, OrderEvent['type']>> = {
  cancelled: 'OrderCancelled',
  shipped: 'OrderShipped',
  delivered: 'OrderDelivered',
  confirmed: 'OrderConfirmed',
  reserved: 'StockReserved',
  rejected: 'StockRejected',
  released: 'StockReleased',
  captured: 'PaymentCaptured',
  failed: 'PaymentFailed',
  mismatch: 'PaymentMismatched',
  refund: 'RefundRequested',
  refunded: 'RefundCompleted',
  unrefunded: 'RefundFailed',
};

/**
 * What every command leads to: events, `-` for nothing, `409` for a refusal. The capture and the failure are of a
 * payment that is new to the order; the refund facts are about refund r-1, which only the last past has asked for.
 */
const table = `
                      | pending            | pending, paid      | confirmed        | shipped         | delivered       | cancelled         | cancelled, paid
PlaceOrder            | 409                | 409                | 409              | 409             | 409             | 409               | 409
CancelOrder           | cancelled          | cancelled refund   | cancelled refund | 409             | 409             | 409               | 409
ShipOrder             | 409                | 409                | shipped          | 409             | 409             | 409               | 409
DeliverOrder          | 409                | 409                | 409              | delivered       | 409             | 409               | 409
RequestRefund         | 409                | refund             | refund           | refund          | refund          | 409               | 409
ExpireOrder           | cancelled          | -                  | -                | -               | -               | -                 | -
RecordStockReserved   | reserved           | reserved confirmed | -                | -               | -               | reserved released | reserved released
RecordStockRejected   | rejected cancelled | rejected + refund  | -                | -               | -               | rejected          | rejected
RecordStockReleased   | released cancelled | released + refund  | released + refund| released        | released        | released          | released
RecordPaymentCaptured | captured           | captured refund    | captured refund  | captured refund | captured refund | captured refund   | captured refund
RecordPaymentFailed   | failed             | failed             | failed           | failed          | failed          | failed            | failed
RecordRefundCompleted | mismatch           | mismatch           | mismatch         | mismatch        | mismatch        | mismatch          | refunded
RecordRefundFailed    | mismatch           | mismatch           | mismatch         | mismatch        | mismatch        | mismatch          | unrefunded
`;
const cells = table
  .trim()
  .split('\n')
  .map((row) => row.split('|').map((cell) => cell.trim().replace('+', 'cancelled')));
const [heading = [], ...rows] = cells;

/** How a refusal names the command to the client. */
const verbs: Partial<Readonly<Record<OrderCommand['type'], string>>> = {
  PlaceOrder: 'placed again.',
  CancelOrder: 'cancelled.',
  ShipOrder: 'shipped.',
  DeliverOrder: 'delivered.',
  RequestRefund: 'refunded: all was asked for and 0 is refundable.',
};

const commands: readonly OrderCommand[] = [
  placeOrder(),
  cancelOrder(),
  shipOrder(),
  deliverOrder(),
  requestRefund(),
  expireOrder(),
  recordStockReserved(),
  recordStockRejected(),
  recordStockReleased(),
  recordPaymentCaptured({ paymentId: 'p-2' }),
  recordPaymentFailed({ paymentId: 'p-2' }),
  recordRefundCompleted(),
  recordRefundFailed(),
];

describe('what a command leads to, by the state of the order', () => {
  for (const [name, ...outcomes] of rows) {
    const command = commands.find(({ type }) => type === name)!;
    for (const [column, [state, past]] of pasts.entries()) {
      const outcome = outcomes[column];
      it(`${name} when ${state}: ${outcome}`, () => {
        if (outcome === '409') {
          const status = state.split(',')[0];
          given(decider, ...past)
            .when(command)
            .thenRefused('order_state_conflict', {
              detail: `An order that is ${status} cannot be ${verbs[command.type]}`,
            });
          return;
        }
        const expected = outcome === '-' ? [] : outcome?.split(' ').map((word) => words[word]);
        const decision = decider.decide(command, fold(decider, past));
        expect(decision.ok && decision.events.map(({ type }) => type)).toEqual(expected);
      });
    }
  }

  it('the table has a row for every command and a column for every status', () => {
    expect(rows.map(([name]) => name)).toEqual(commands.map(({ type }) => type));
    expect(heading).toEqual(['', ...pasts.map(([state]) => state)]);
    const everyCommand: Readonly<Record<OrderCommand['type'], true>> = {
      PlaceOrder: true,
      CancelOrder: true,
      ShipOrder: true,
      DeliverOrder: true,
      RequestRefund: true,
      ExpireOrder: true,
      RecordStockReserved: true,
      RecordStockRejected: true,
      RecordStockReleased: true,
      RecordPaymentCaptured: true,
      RecordPaymentFailed: true,
      RecordRefundCompleted: true,
      RecordRefundFailed: true,
    };
    expect(new Set(commands.map(({ type }) => type))).toEqual(new Set(Object.keys(everyCommand)));
    const statuses = new Set(pasts.map(([, past]) => fold(decider, past)?.status));
    expect(statuses).toEqual(new Set(['pending', 'confirmed', 'shipped', 'delivered', 'cancelled']));
  });

  it('no command but placing reaches an order that does not exist', () => {
    for (const command of commands) {
      if (command.type !== 'PlaceOrder') given(decider).when(command).thenRefused('not_found');
    }
  });

  it('a client who repeats a command under a new key is refused', () => {
    const shipped = [...confirmed, orderShipped()];
    given(decider, ...shipped)
      .when(shipOrder())
      .thenRefused('order_state_conflict', { detail: 'shipped' });
    given(decider, orderPlaced(), orderCancelled('customer'))
      .when(cancelOrder())
      .thenRefused('order_state_conflict', { detail: 'An order that is cancelled cannot be cancelled.' });
  });
});
