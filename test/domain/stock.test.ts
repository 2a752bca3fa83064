import { describe, expect, it } from 'vitest';
import { available, maxOnHand, stockDocument } from '../../src/domain/inventory/stock.ts';
import { stockAggregate } from '../../src/domain/inventory/stockAggregate.ts';
import { UnknownEventShape } from '../../src/domain/shared/aggregate.ts';
import { fold } from '../../src/domain/shared/decider.ts';
import { given } from '../support/given.ts';
import {
  at,
  stockDecider as decider,
  piecesReleased,
  piecesReserved,
  piecesShipped,
  releasePieces,
  reservePieces,
  setStock,
  shipPieces,
  stockCounted,
} from './stockExamples.ts';

describe('counting a SKU', () => {
  it('the first count begins to track it, also when nothing is there', () => {
    given(decider).when(setStock(7)).thenEvents(stockCounted(7));
    given(decider).when(setStock(0)).thenEvents(stockCounted(0));
  });

  it('a count replaces the one before', () => {
    given(decider, stockCounted(7)).when(setStock(3)).thenEvents(stockCounted(3));
  });

  it('the same count again is a repetition, and after a shipment it is not', () => {
    given(decider, stockCounted(7)).when(setStock(7)).thenNothing();
    const shipped = [stockCounted(7), piecesReserved(2), piecesShipped(2)];
    given(decider, ...shipped)
      .when(setStock(5))
      .thenNothing();
    given(decider, ...shipped)
      .when(setStock(7))
      .thenEvents(stockCounted(7));
  });

  it('a count leaves what is reserved reserved', () => {
    expect(given(decider, stockCounted(7), piecesReserved(2)).when(setStock(9)).state()).toEqual({
      onHand: 9,
      reserved: 2,
    });
  });

  it('a count below what is reserved is taken as it is, and nothing is available until more is there', () => {
    const short = [stockCounted(7), piecesReserved(5), stockCounted(3)];
    expect(stockDocument('tea-100', fold(decider, short)!)).toEqual({
      sku: 'tea-100',
      onHand: 3,
      reserved: 5,
      available: 0,
    });
    given(decider, ...short)
      .when(reservePieces(1, 'o-2'))
      .thenRefused('insufficient_stock', { detail: '1 pieces were asked for, and 0 are available.' });
    given(decider, ...short, stockCounted(6))
      .when(reservePieces(1, 'o-2'))
      .thenEvents(piecesReserved(1, 'o-2'));
  });

  it('takes whole numbers from 0 to a million million', () => {
    given(decider).when(setStock(maxOnHand)).thenEvents(stockCounted(maxOnHand));
    for (const onHand of [-1, 1.5, maxOnHand + 1, Number.NaN, Number.POSITIVE_INFINITY]) {
      given(decider).when(setStock(onHand)).thenRefused('invalid_request', {
        pointer: '#/onHand',
        detail: 'onHand must be a whole number from 0 to 1000000000000.',
      });
    }
  });
});

describe('pieces of a SKU', () => {
  it('can be reserved up to the last one', () => {
    given(decider, stockCounted(7), piecesReserved(2)).when(reservePieces(5)).thenEvents(piecesReserved(5));
    given(decider, stockCounted(7), piecesReserved(2))
      .when(reservePieces(6))
      .thenRefused('insufficient_stock', { detail: '6 pieces were asked for, and 5 are available.' });
    given(decider).when(reservePieces(1)).thenRefused('insufficient_stock');
  });

  it('are available again when they are released', () => {
    const past = [stockCounted(7), piecesReserved(7)];
    given(decider, ...past)
      .when(releasePieces(3))
      .thenEvents(piecesReleased(3));
    expect(available(fold(decider, [...past, piecesReleased(3)])!)).toBe(3);
  });

  it('leave the shelf and the reservation when they are shipped', () => {
    const past = [stockCounted(7), piecesReserved(3)];
    given(decider, ...past)
      .when(shipPieces(3))
      .thenEvents(piecesShipped(3));
    expect(fold(decider, [...past, piecesShipped(3)])).toEqual({ onHand: 4, reserved: 0 });
  });

  it('that were shipped although the count knew nothing of them take it to zero, never below', () => {
    const past = [stockCounted(7), piecesReserved(5), stockCounted(3)];
    given(decider, ...past)
      .when(shipPieces(5))
      .thenEvents(piecesShipped(5, 2));
    expect(fold(decider, [...past, piecesShipped(5, 2)])).toEqual({ onHand: 0, reserved: 0 });
  });

  it('can neither be released nor shipped when fewer are reserved', () => {
    for (const command of [releasePieces(3), shipPieces(3)]) {
      given(decider, stockCounted(7), piecesReserved(2))
        .when(command)
        .thenRefused('insufficient_stock', { detail: '3 pieces were asked for, and 2 are reserved.' });
    }
  });
});

describe('what is stored and told of a count', () => {
  const { upcast, schemaVersion, isPublic, toPublic } = stockAggregate;
  const everyEvent = [stockCounted(1), piecesReserved(1), piecesReleased(1), piecesShipped(1, 1)];

  it('what is written today is read as it was written, for every event', () => {
    for (const event of everyEvent) {
      const { type, at: time, data } = event;
      expect(upcast({ type, schemaVersion: schemaVersion(type), time, data })).toEqual(event);
    }
    expect(() => upcast({ type: 'StockCounted', schemaVersion: 2, time: at, data: {} })).toThrow(
      UnknownEventShape,
    );
  });

  it('the outside world hears of counts only', () => {
    expect(everyEvent.filter(({ type }) => isPublic?.(type))).toEqual([stockCounted(1)]);
    expect(toPublic(stockCounted(9), { onHand: 9, reserved: 4 }, 'tea-100', 3)).toEqual({
      name: 'inventory.stock-adjusted',
      data: { sku: 'tea-100', onHand: 9, reserved: 4, available: 5 },
    });
  });
});
