import { describe, expect, it } from 'vitest';
import { given } from '../support/given.ts';
import {
  at,
  decider,
  freeOrderPlaced,
  orderConfirmed,
  orderPlaced,
  placeOrder,
  stockReserved,
} from './orderExamples.ts';

const line = { sku: 'tea-100', quantity: 2, unitPrice: 1299 };
const most = Number.MAX_SAFE_INTEGER;

describe('placing an order', () => {
  it('counts the line totals and the total', () => {
    const lines = [
      line,
      { sku: 'pot', quantity: 3, unitPrice: 1 },
      { sku: 'leaflet', quantity: 9, unitPrice: 0 },
    ];
    given(decider)
      .when(placeOrder({ lines }))
      .thenEvents(
        orderPlaced({
          lines: [
            { sku: 'tea-100', quantity: 2, unitPrice: 1299, lineTotal: 2598 },
            { sku: 'pot', quantity: 3, unitPrice: 1, lineTotal: 3 },
            { sku: 'leaflet', quantity: 9, unitPrice: 0, lineTotal: 0 },
          ],
          total: 2601,
        }),
      );
  });

  it('keeps what the client said and the time of the command', () => {
    const said = {
      at: '2026-11-23T06:00:00.000Z',
      customerId: 'c-7',
      currency: 'JPY',
      clientReference: null,
      shippingAddress: { name: 'A', line1: 'B', postalCode: '1000', city: 'C', countryCode: 'BE' },
      metadata: { a: '1' },
    };
    const { at: time, ...rest } = said;
    expect(given(decider).when(placeOrder(said)).state()).toMatchObject({
      ...rest,
      placedAt: time,
      updatedAt: time,
      status: 'pending',
      stock: 'requested',
      captured: 0,
      refunded: 0,
      cancelReason: null,
      cancelNote: null,
    });
  });

  it('takes 1 to 100 lines', () => {
    for (const count of [1, 100]) {
      const state = given(decider)
        .when(placeOrder({ lines: Array.from({ length: count }, () => line) }))
        .state();
      expect(state?.lines).toHaveLength(count);
      expect(state?.total).toBe(count * 2598);
    }
    for (const count of [0, 101]) {
      given(decider)
        .when(placeOrder({ lines: Array.from({ length: count }, () => line) }))
        .thenRefused('invalid_request', { pointer: '#/lines', detail: 'An order has 1 to 100 lines.' });
    }
  });

  it('takes a total up to the largest safe integer, and names the line that goes beyond it', () => {
    const largest = { sku: 'a', quantity: 1, unitPrice: most };
    expect(
      given(decider)
        .when(placeOrder({ lines: [largest, { ...line, unitPrice: 0 }] }))
        .state()?.total,
    ).toBe(most);
    given(decider)
      .when(
        placeOrder({ lines: [largest, { ...line, unitPrice: 0 }, { ...line, quantity: 1, unitPrice: 1 }] }),
      )
      .thenRefused('invalid_request', { pointer: '#/lines/2' });
  });

  it('names a line whose own total cannot be counted exactly', () => {
    given(decider)
      .when(placeOrder({ lines: [line, { sku: 'b', quantity: 1_000_000, unitPrice: 1_000_000_000_000 }] }))
      .thenRefused('invalid_request', { pointer: '#/lines/1' });
  });

  it('the same SKU may stand on several lines', () => {
    expect(
      given(decider)
        .when(placeOrder({ lines: [line, line] }))
        .state()?.total,
    ).toBe(5196);
  });

  it('an order is placed once', () => {
    given(decider, orderPlaced())
      .when(placeOrder({ at }))
      .thenRefused('order_state_conflict', { detail: 'An order that is pending cannot be placed again.' });
  });

  it('a free order counts as paid: its goods confirm it, and the deadline does not touch it', () => {
    given(decider, freeOrderPlaced())
      .when({ type: 'RecordStockReserved', at })
      .thenEvents(stockReserved(), orderConfirmed());
    given(decider, freeOrderPlaced()).when({ type: 'ExpireOrder', at }).thenNothing();
  });
});
