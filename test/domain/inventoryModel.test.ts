import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { movementsOf } from '../../src/domain/inventory/movements.ts';
import type {
  Pieces,
  ReservationCommand,
  ReservationEvent,
  ReservationState,
} from '../../src/domain/inventory/reservation.ts';
import {
  type StockCommand,
  type StockEvent,
  type StockState,
  stockDocument,
} from '../../src/domain/inventory/stock.ts';
import { fold } from '../../src/domain/shared/decider.ts';
import { propertyOptions } from '../support/properties.ts';
import * as naive from './naiveWarehouse.ts';
import { at, reservationDecider, stockDecider } from './stockExamples.ts';

const skus = ['tea-100', 'pot', 'leaflet'];
const orderIds = ['o-1', 'o-2', 'o-3', 'o-4', 'o-5'];

type Step =
  | { readonly kind: 'count'; readonly sku: string; readonly onHand: number }
  | { readonly kind: 'place'; readonly orderId: string; readonly lines: readonly Pieces[] }
  | { readonly kind: 'cancel' | 'ship'; readonly orderId: string };

const sku = fc.constantFrom(...skus);
const orderId = fc.constantFrom(...orderIds);
const line = fc.record({ sku, quantity: fc.integer({ min: 1, max: 6 }) });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('count' as const), sku, onHand: fc.nat(15) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('place' as const),
      orderId,
      lines: fc.array(line, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('cancel' as const, 'ship' as const), orderId }) },
);
const steps = fc.array(step, { maxLength: 30, size: 'max' });

/** Both aggregates with their streams in memory, moved the way the application moves them. */
class Warehouse {
  readonly stock = new Map<string, StockEvent[]>();
  readonly reservations = new Map<string, ReservationEvent[]>();
  readonly #strict: boolean;

  constructor(strict: boolean) {
    this.#strict = strict;
  }

  count(id: string): StockState {
    return fold(stockDecider, this.stock.get(id) ?? []);
  }

  reservation(id: string): ReservationState {
    return fold(reservationDecider, this.reservations.get(id) ?? []);
  }

  /** How many events there are of all. */
  get size(): number {
    return [...this.stock.values(), ...this.reservations.values()].flat().length;
  }

  do(chosen: Step): void {
    if (chosen.kind === 'count') {
      this.#moveStock(chosen.sku, { type: 'SetStock', at, onHand: chosen.onHand });
      return;
    }
    this.#reserve(chosen.orderId, this.#commandFor(chosen));
  }

  #commandFor(chosen: Exclude<Step, { kind: 'count' }>): ReservationCommand {
    if (chosen.kind !== 'place') {
      return { type: chosen.kind === 'cancel' ? 'ReleaseStock' : 'ShipStock', at };
    }
    const { lines } = chosen;
    const stock = new Map(lines.map((wanted) => [wanted.sku, this.count(wanted.sku)]));
    return { type: 'ReserveStock', at, lines, stock, unknownStock: this.#strict ? 'reject' : 'accept' };
  }

  #reserve(id: string, command: ReservationCommand): void {
    const decision = reservationDecider.decide(command, this.reservation(id));
    if (!decision.ok) throw new Error(decision.error.detail);
    this.reservations.set(id, [...(this.reservations.get(id) ?? []), ...decision.events]);
    for (const event of decision.events) {
      for (const movement of movementsOf(id, event, this.reservation(id))) {
        this.#moveStock(movement.sku, movement.command);
      }
    }
  }

  #moveStock(id: string, command: StockCommand): void {
    const before = this.count(id);
    const decision = stockDecider.decide(command, before);
    // Whatever a reservation asks for is there: a count never has to refuse it.
    if (!decision.ok) throw new Error(decision.error.detail);
    const after = fold(stockDecider, decision.events, before);
    if (command.type === 'ReservePieces') expect(after!.reserved).toBeLessThanOrEqual(after!.onHand);
    this.stock.set(id, [...(this.stock.get(id) ?? []), ...decision.events]);
  }
}

const doNaively = (warehouse: naive.NaiveWarehouse, chosen: Step): void => {
  if (chosen.kind === 'count') naive.naiveCount(warehouse, chosen.sku, chosen.onHand);
  else if (chosen.kind === 'place') naive.naivePlace(warehouse, chosen.orderId, chosen.lines);
  else if (chosen.kind === 'cancel') naive.naiveCancel(warehouse, chosen.orderId);
  else naive.naiveShip(warehouse, chosen.orderId);
};

/** What was counted last, less what has left the shelf since, is what is there. */
const expectPiecesToBeConserved = (events: readonly StockEvent[]): void => {
  const { onHand, reserved } = fold(stockDecider, events) ?? { onHand: 0, reserved: 0 };
  let left = 0;
  let counted = 0;
  for (const { type, data } of events) {
    if (type === 'StockCounted') [counted, left] = [data.onHand, 0];
    if (type === 'PiecesShipped') left += data.quantity - data.uncounted;
  }
  expect(onHand + left).toBe(counted);
  expect(Math.min(onHand, reserved)).toBeGreaterThanOrEqual(0);
};

/** What a count says is reserved is what the open reservations have of it. */
const expectReservationsToAddUp = (warehouse: Warehouse, id: string): void => {
  let open = 0;
  for (const orderOf of warehouse.reservations.keys()) {
    const { status, pieces } = warehouse.reservation(orderOf)!;
    if (status !== 'reserved') continue;
    for (const piece of pieces) if (piece.sku === id && piece.counted) open += piece.quantity;
  }
  expect(warehouse.count(id)?.reserved ?? 0).toBe(open);
};

describe('whatever is counted, ordered, cancelled and shipped', () => {
  it('pieces are conserved, never below zero, and as a naive second inventory has them', () => {
    fc.assert(
      fc.property(fc.boolean(), steps, (strict, chosen) => {
        const warehouse = new Warehouse(strict);
        const model = naive.naiveWarehouse(strict);
        for (const one of chosen) {
          warehouse.do(one);
          doNaively(model, one);
          for (const id of skus) {
            const count = warehouse.count(id);
            expect(count && stockDocument(id, count)).toEqual(naive.naiveStock(model, id));
            expectPiecesToBeConserved(warehouse.stock.get(id) ?? []);
            expectReservationsToAddUp(warehouse, id);
          }
          for (const id of orderIds) {
            expect(warehouse.reservation(id)?.status).toBe(model.orders.get(id)?.status);
          }
        }
      }),
      propertyOptions({ numRuns: 1000 }),
    );
  });

  it('a step that comes twice in a row appends nothing the second time', () => {
    fc.assert(
      fc.property(fc.boolean(), steps, step, (strict, chosen, last) => {
        const warehouse = new Warehouse(strict);
        for (const one of [...chosen, last]) warehouse.do(one);
        const { size } = warehouse;
        warehouse.do(last);
        expect(warehouse.size).toBe(size);
      }),
      propertyOptions({ numRuns: 500 }),
    );
  });

  it('whatever comes first, an order that is over holds no pieces', () => {
    fc.assert(
      fc.property(fc.boolean(), steps, orderId, (strict, chosen, over) => {
        const warehouse = new Warehouse(strict);
        for (const one of [...chosen, { kind: 'cancel', orderId: over } as const, ...chosen])
          warehouse.do(one);
        expect(warehouse.reservation(over)?.status).not.toBe('reserved');
      }),
      propertyOptions({ numRuns: 500 }),
    );
  });

  it('the random steps reach every event and every end of a reservation', () => {
    const ends = fc
      .sample(fc.tuple(fc.boolean(), steps), { numRuns: 500, seed: 42 })
      .map(([strict, chosen]) => {
        const warehouse = new Warehouse(strict);
        for (const one of chosen) warehouse.do(one);
        return warehouse;
      });
    const events = ends.flatMap(({ stock }) => [...stock.values()].flat());
    expect(new Set(events.map(({ type }) => type)).size).toBe(4);
    expect(events.some(({ type, data }) => type === 'PiecesShipped' && data.uncounted > 0)).toBe(true);
    const statuses = ends.flatMap((end) => orderIds.map((id) => end.reservation(id)?.status));
    expect(new Set(statuses).size).toBe(6);
  });
});
