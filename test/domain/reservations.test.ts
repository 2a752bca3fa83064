import { describe, expect, it } from 'vitest';
import { movementsOf } from '../../src/domain/inventory/movements.ts';
import type { ReservationEvent } from '../../src/domain/inventory/reservation.ts';
import { reservationAggregate } from '../../src/domain/inventory/reservationAggregate.ts';
import { UnknownEventShape } from '../../src/domain/shared/aggregate.ts';
import { fold } from '../../src/domain/shared/decider.ts';
import { given } from '../support/given.ts';
import {
  at,
  reservationDecider as decider,
  orderEnded,
  releasePieces,
  releaseStock,
  reservePieces,
  reserveStock,
  shelf,
  shipPieces,
  shipStock,
  stockRejected,
  stockReleased,
  stockReserved,
  stockShipped,
} from './stockExamples.ts';

describe('reserving the goods of an order', () => {
  it('takes all lines when all are there', () => {
    given(decider).when(reserveStock()).thenEvents(stockReserved());
    given(decider)
      .when(reserveStock({ stock: shelf({ 'tea-100': 2, pot: 1 }) }))
      .thenEvents(stockReserved());
  });

  it('takes none when one is missing, and says which and how many', () => {
    given(decider)
      .when(reserveStock({ stock: shelf({ 'tea-100': 10, pot: 0 }) }))
      .thenEvents(stockRejected({ sku: 'pot', missing: 1 }));
    given(decider)
      .when(reserveStock({ stock: shelf({ 'tea-100': 0, pot: 0 }) }))
      .thenEvents(stockRejected({ sku: 'tea-100', missing: 2 }, { sku: 'pot', missing: 1 }));
  });

  it('what others have reserved is not there', () => {
    const stock = new Map([['tea-100', { onHand: 10, reserved: 9 }]]);
    given(decider)
      .when(reserveStock({ stock }))
      .thenEvents(stockRejected({ sku: 'tea-100', missing: 1 }));
  });

  it('lines of the same SKU are added up', () => {
    const twice = [
      { sku: 'tea-100', quantity: 2 },
      { sku: 'pot', quantity: 1 },
      { sku: 'tea-100', quantity: 3 },
    ];
    given(decider)
      .when(reserveStock({ lines: twice }))
      .thenEvents(
        stockReserved(
          { sku: 'tea-100', quantity: 5, counted: true },
          { sku: 'pot', quantity: 1, counted: true },
        ),
      );
    given(decider)
      .when(reserveStock({ lines: twice, stock: shelf({ 'tea-100': 4, pot: 1 }) }))
      .thenEvents(stockRejected({ sku: 'tea-100', missing: 1 }));
  });

  it('a SKU that was never counted is there whenever it is wanted, and the reservation remembers that', () => {
    given(decider)
      .when(reserveStock({ stock: shelf({ 'tea-100': 10, pot: null }) }))
      .thenEvents(
        stockReserved(
          { sku: 'tea-100', quantity: 2, counted: true },
          { sku: 'pot', quantity: 1, counted: false },
        ),
      );
  });

  it('in a strict shop a SKU that was never counted is not there', () => {
    given(decider)
      .when(reserveStock({ stock: shelf({ 'tea-100': 10 }), unknownStock: 'reject' }))
      .thenEvents(stockRejected({ sku: 'pot', missing: 1 }));
  });

  it('more pieces than can be counted exactly are refused', () => {
    const lines = [
      { sku: 'tea-100', quantity: Number.MAX_SAFE_INTEGER },
      { sku: 'tea-100', quantity: 1 },
    ];
    given(decider).when(reserveStock({ lines })).thenRefused('invalid_request');
  });

  it('is answered once', () => {
    for (const past of [stockReserved(), stockRejected()]) {
      given(decider, past).when(reserveStock()).thenNothing();
      given(decider, past)
        .when(reserveStock({ stock: shelf({ 'tea-100': 0, pot: 0 }) }))
        .thenNothing();
    }
  });
});

describe('the end of a reservation', () => {
  it('goods of a cancelled order are given back once', () => {
    given(decider, stockReserved()).when(releaseStock()).thenEvents(stockReleased());
    given(decider, stockReserved(), stockReleased()).when(releaseStock()).thenNothing();
  });

  it('goods of a shipped order are gone once', () => {
    given(decider, stockReserved()).when(shipStock()).thenEvents(stockShipped());
    given(decider, stockReserved(), stockShipped()).when(shipStock()).thenNothing();
  });

  it('what was shipped is not given back, and what was given back is not shipped', () => {
    given(decider, stockReserved(), stockShipped()).when(releaseStock()).thenNothing();
    given(decider, stockReserved(), stockReleased()).when(shipStock()).thenNothing();
  });

  it('where nothing was reserved nothing is given back or shipped', () => {
    given(decider, stockRejected()).when(releaseStock()).thenNothing();
    given(decider, stockRejected()).when(shipStock()).thenNothing();
  });

  it('an order that is over before its goods were asked for never gets any', () => {
    for (const command of [releaseStock(), shipStock()]) {
      given(decider).when(command).thenEvents(orderEnded());
      given(decider, orderEnded()).when(command).thenNothing();
    }
    given(decider, orderEnded()).when(reserveStock()).thenNothing();
  });
});

describe('what a reservation does to the counts', () => {
  const moved = (...events: readonly ReservationEvent[]) =>
    movementsOf('o-1', events.at(-1)!, fold(decider, events));

  it('its pieces are reserved, released or shipped', () => {
    const pieces = (of: (quantity: number) => object) => [
      { sku: 'tea-100', command: of(2) },
      { sku: 'pot', command: of(1) },
    ];
    expect(moved(stockReserved())).toEqual(pieces(reservePieces));
    expect(moved(stockReserved(), stockReleased())).toEqual(pieces(releasePieces));
    expect(moved(stockReserved(), stockShipped())).toEqual(pieces(shipPieces));
  });

  it('a rejection, and an order that was over, touch no count', () => {
    expect(moved(stockRejected())).toEqual([]);
    expect(moved(orderEnded())).toEqual([]);
  });

  it('pieces of a SKU that had no count then touch no count ever', () => {
    const reserved = stockReserved(
      { sku: 'tea-100', quantity: 2, counted: false },
      { sku: 'pot', quantity: 1, counted: true },
    );
    expect(moved(reserved)).toEqual([{ sku: 'pot', command: reservePieces(1) }]);
    expect(moved(reserved, stockReleased())).toEqual([{ sku: 'pot', command: releasePieces(1) }]);
    expect(moved(reserved, stockShipped())).toEqual([{ sku: 'pot', command: shipPieces(1) }]);
  });
});

describe('what is stored and told of a reservation', () => {
  const { upcast, schemaVersion, isPublic, toPublic } = reservationAggregate;
  const everyEvent = [stockReserved(), stockRejected(), stockReleased(), stockShipped(), orderEnded()];
  const told = (...events: readonly ReservationEvent[]) =>
    toPublic(events.at(-1)!, fold(decider, events), 'o-1', events.length);

  it('what is written today is read as it was written, for every event', () => {
    for (const event of everyEvent) {
      const { type, at: time, data } = event;
      expect(upcast({ type, schemaVersion: schemaVersion(type), time, data })).toEqual(event);
    }
    expect(() => upcast({ type: 'toString', schemaVersion: 1, time: at, data: {} })).toThrow(
      UnknownEventShape,
    );
  });

  it('the outside world hears of what was reserved, rejected and released, under the order id', () => {
    const pieces = [
      { sku: 'tea-100', quantity: 2 },
      { sku: 'pot', quantity: 1 },
    ];
    expect(told(stockReserved())).toEqual({
      name: 'inventory.stock-reserved',
      data: { orderId: 'o-1', lines: pieces },
    });
    expect(told(stockRejected())).toEqual({
      name: 'inventory.stock-rejected',
      data: { orderId: 'o-1', shortages: [{ sku: 'pot', missing: 1 }] },
    });
    expect(told(stockReserved(), stockReleased())).toEqual({
      name: 'inventory.stock-released',
      data: { orderId: 'o-1', lines: pieces },
    });
    expect(everyEvent.filter(({ type }) => isPublic?.(type))).toEqual(everyEvent.slice(0, 3));
    expect(() => told(stockShipped())).toThrow('StockShipped is not public');
  });
});
