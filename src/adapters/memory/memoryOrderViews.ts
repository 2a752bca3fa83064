import { isDeepStrictEqual } from 'node:util';
import type {
  OrderViewChange,
  OrderViewQuery,
  OrderViewReader,
  OrderViewRow,
  OrderViewWriter,
} from '../../ports/orderViews.ts';
import type { MemoryTransaction, Pause } from './MemoryTransaction.ts';
import type { MemoryEventAppender } from './memoryEvents.ts';
import { type MemoryState, orderKeyText } from './memoryState.ts';

export const createOrderViewWriter = (
  transaction: MemoryTransaction,
  events: MemoryEventAppender,
): OrderViewWriter => {
  const { state } = transaction;
  const own = new Map<string, OrderViewRow | undefined>();

  const look = (key: string): OrderViewRow | undefined =>
    own.has(key) ? own.get(key) : state.orderViews.get(key);

  const firstEvent = ({ tenant, orderId }: Pick<OrderViewRow, 'tenant' | 'orderId'>): number | undefined =>
    events.firstPosition({ tenant, stream: `orders/${orderId}` });

  const save = (change: OrderViewChange): void => {
    const key = orderKeyText(change.tenant, change.orderId);
    const present = look(key)?.firstPosition;
    const firstPosition = present ?? change.firstPosition ?? firstEvent(change);
    if (firstPosition === undefined)
      throw new Error(`order ${change.orderId} has neither a view nor an event`);
    // A rebuild may move the row meanwhile; its place must not come back.
    if (present !== undefined && !own.has(key)) relyOnPlace(key, present);
    put(key, { ...change, firstPosition });
  };

  const put = (key: string, row: OrderViewRow): void => {
    own.set(key, row);
    transaction.write(() => state.orderViews.set(key, row));
  };

  const remove = (key: string): void => {
    own.set(key, undefined);
    transaction.write(() => state.orderViews.delete(key));
  };

  const relyOnPlace = (key: string, place: number): void =>
    transaction.rely(() => state.orderViews.get(key)?.firstPosition === place);

  const knownKeys = (): ReadonlySet<string> => new Set([...state.orderViews.keys(), ...own.keys()]);

  return {
    save: (changes) =>
      transaction.step('orderViews.save', () => {
        for (const change of changes) save(change);
      }),
    replaceRange: (after, upTo, rows) =>
      transaction.step('orderViews.replaceRange', () => {
        const wanted = new Map(rows.map((row) => [orderKeyText(row.tenant, row.orderId), row]));
        const missing = [...wanted].filter(([key, row]) => !isDeepStrictEqual(look(key), row));
        for (const [key, row] of missing) put(key, row);
        const strays = [...knownKeys()].filter((key) => {
          const place = look(key)?.firstPosition;
          return place !== undefined && place > after && place <= upTo && !wanted.has(key);
        });
        for (const key of strays) {
          if (!own.has(key)) relyOnPlace(key, look(key)!.firstPosition);
          remove(key);
        }
        return missing.length + strays.length;
      }),
    deleteOrphans: (limit, after = Number.NEGATIVE_INFINITY) =>
      transaction.step('orderViews.deleteOrphans', () => {
        const orphans = [...knownKeys()]
          .map(look)
          .filter((row) => row !== undefined)
          .filter((row) => row.firstPosition > after && firstEvent(row) === undefined)
          .slice(0, limit);
        for (const orphan of orphans) {
          transaction.rely(() => firstEvent(orphan) === undefined);
          remove(orderKeyText(orphan.tenant, orphan.orderId));
        }
        return orphans.length;
      }),
  };
};

export const createOrderViewReader = (state: MemoryState, pause: Pause): OrderViewReader => ({
  get: async (tenant, orderId) => {
    await pause('orderViews.get');
    return state.orderViews.get(orderKeyText(tenant, orderId));
  },
  list: async (query) => {
    await pause('orderViews.list');
    return [...state.orderViews.values()]
      .filter((row) => answers(row, query))
      .sort((one, other) => other.firstPosition - one.firstPosition)
      .slice(0, query.limit);
  },
});

const answers = (row: OrderViewRow, query: OrderViewQuery): boolean =>
  row.tenant === query.tenant &&
  (query.customerId === undefined || row.customerId === query.customerId) &&
  (query.status === undefined || row.status === query.status) &&
  (query.clientReference === undefined || row.clientReference === query.clientReference) &&
  (query.placedAfter === undefined || row.placedAt > query.placedAfter) &&
  (query.placedBefore === undefined || row.placedAt < query.placedBefore) &&
  (query.before === undefined || row.firstPosition < query.before);
