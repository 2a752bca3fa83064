import { describe, expect, it } from 'vitest';
import { orderAggregate } from '../../src/domain/orders/orderAggregate.ts';
import { UnknownEventShape } from '../../src/domain/shared/aggregate.ts';
import { given } from '../support/given.ts';
import { everyEvent } from './everyOrderEvent.ts';
import {
  at,
  decider,
  orderConfirmed,
  orderPlaced,
  paymentCaptured,
  recordPaymentCaptured,
  stockReserved,
} from './orderExamples.ts';

const { upcast, schemaVersion } = orderAggregate;
const address = { name: 'A', line1: 'B', postalCode: '1000', city: 'C', countryCode: 'BE' };

/** `OrderPlaced` as it was stored first: no totals, no reference, no metadata, and `price` for the unit price. */
const oldPlaced = {
  type: 'OrderPlaced',
  schemaVersion: 1,
  time: at,
  data: {
    customerId: 'c-42',
    currency: 'EUR',
    lines: [
      { sku: 'tea-100', quantity: 2, price: 1299 },
      { sku: 'leaflet', quantity: 3, price: 0 },
    ],
    shippingAddress: address,
  },
};

describe('a stored event', () => {
  it('an order that was placed in the first shape is read as one of today', () => {
    expect(upcast(oldPlaced)).toEqual(
      orderPlaced({
        clientReference: null,
        metadata: {},
        shippingAddress: address,
        lines: [
          { sku: 'tea-100', quantity: 2, unitPrice: 1299, lineTotal: 2598 },
          { sku: 'leaflet', quantity: 3, unitPrice: 0, lineTotal: 0 },
        ],
      }),
    );
    const { shippingAddress: _, ...withoutAddress } = oldPlaced.data;
    expect(upcast({ ...oldPlaced, data: withoutAddress }).data).toMatchObject({ shippingAddress: null });
  });

  it('an order from the first shape goes on like any other', () => {
    given(decider, upcast(oldPlaced), stockReserved())
      .when(recordPaymentCaptured({ amount: 2598 }))
      .thenEvents(paymentCaptured('p-1', 2598), orderConfirmed());
  });

  it('what is written today is read as it was written, for every event', () => {
    for (const event of everyEvent) {
      const stored = JSON.parse(JSON.stringify(event.data)) as object;
      const shape = {
        type: event.type,
        schemaVersion: schemaVersion(event.type),
        time: event.at,
        data: stored,
      };
      expect(upcast(shape)).toEqual(event);
    }
  });

  it('is written in the second shape when an order is placed, in the first for everything else', () => {
    for (const { type } of everyEvent) expect(schemaVersion(type)).toBe(type === 'OrderPlaced' ? 2 : 1);
  });

  it('a type or a version that this program has never heard of is not read', () => {
    const unknown = [
      { type: 'OrderPlaced', schemaVersion: 3 },
      { type: 'OrderPlaced', schemaVersion: 0 },
      { type: 'OrderConfirmed', schemaVersion: 2 },
      { type: 'OrderTeleported', schemaVersion: 1 },
      { type: 'constructor', schemaVersion: 1 },
      { type: '__proto__', schemaVersion: 1 },
    ];
    for (const { type, schemaVersion: version } of unknown) {
      const read = () => upcast({ type, schemaVersion: version, time: at, data: {} });
      expect(read).toThrow(UnknownEventShape);
      expect(read).toThrow(`stored event ${type} with schema version ${version} is unknown`);
    }
  });
});
