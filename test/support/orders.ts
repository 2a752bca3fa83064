import type { PlaceOrder } from '../../src/domain/orders/orderCommands.ts';

/** A command that places a plain order, with what matters to a test replaced. */
export const placeOrder = (changes: Partial<PlaceOrder> = {}): PlaceOrder => ({
  type: 'PlaceOrder',
  at: '2026-01-01T00:00:00.000Z',
  customerId: 'c-42',
  currency: 'EUR',
  clientReference: null,
  lines: [{ sku: 'tea-100', quantity: 2, unitPrice: 1299 }],
  shippingAddress: null,
  metadata: {},
  ...changes,
});
