import type { OrderViewChange, OrderViewRow, OrderViewWriter } from '../../ports/orderViews.ts';
import type { BulkTable, SendingSession, Session, SqlDialect } from './dialect.ts';
import { runOf, selectedView, toView, type ViewRow, viewColumns, viewValues } from './orderViewRows.ts';

const changing = viewColumns.filter((column) => !['first_position', 'tenant', 'order_id'].includes(column));

const insertOnly: BulkTable = { name: 'order_views', columns: ['run', ...viewColumns], longText: true };
const table: BulkTable = {
  ...insertOnly,
  suffix: `on conflict (tenant, order_id) do update set ${changing.map((column) => `${column} = excluded.${column}`).join(', ')}`,
};

export const createOrderViewWriter = (session: SendingSession, dialect: SqlDialect): OrderViewWriter => ({
  save: async (changes) => {
    const known = await firstPositions(session, dialect, changes);
    const rows = changes.map((change) => toRow(change, change.firstPosition ?? known(change)));
    await dialect.insert(session, table, rows);
  },
  replaceRange: async (after, upTo, rows) => {
    const stored = await readRange(session, dialect, after, upTo, rows);
    const wanted = new Map(rows.map((row) => [row.firstPosition, row]));
    const right = new Set(
      [...stored.values()]
        .filter((row) => isSame(row, wanted.get(row.first_position)))
        .map(({ first_position }) => first_position),
    );
    const wrong = [...stored.values()].filter(({ first_position }) => !right.has(first_position));
    const missing = rows.filter(({ firstPosition }) => !right.has(firstPosition));
    if (wrong.length > 0) {
      await session.query(
        `delete from order_views where first_position in (select c0 from ${dialect.rows(['integer'])} r)`,
        [JSON.stringify(wrong.map(({ first_position }) => [first_position]))],
      );
    }
    if (missing.length > 0)
      await dialect.insert(
        session,
        insertOnly,
        missing.map((row) => toRow(row, row.firstPosition)),
      );
    const orders = [...missing.map(orderKey), ...wrong.map((row) => orderKey(toView(row)))];
    return new Set(orders).size;
  },
  deleteOrphans: (limit, after) =>
    dialect.change(
      session,
      `delete from order_views where first_position in
         (select v.first_position from order_views v where v.first_position > ? and not exists
           (select 1 from events e where e.tenant = v.tenant and e.stream = 'orders/' || v.order_id) limit ?)`,
      [after ?? Number.MIN_SAFE_INTEGER, limit],
    ),
});

/** The rows with a position in (after, upTo], and the rows of these orders, by position. */
const readRange = async (
  session: Session,
  dialect: SqlDialect,
  after: number,
  upTo: number,
  rows: readonly OrderViewRow[],
): Promise<ReadonlyMap<number, StoredRow>> => {
  const inRange = await session.query<StoredRow>(
    `select v.run, ${selectedView} from order_views v where first_position > ? and first_position <= ?`,
    [after, upTo],
  );
  const ofOrders = await session.query<StoredRow>(
    `select v.run, ${selectedView} from ${dialect.rows(['text', 'text'])} k
     join order_views v on v.tenant = k.c0 and v.order_id = k.c1`,
    [JSON.stringify(rows.map(({ tenant, orderId }) => [tenant, orderId]))],
  );
  return new Map([...inRange, ...ofOrders].map((row) => [row.first_position, row]));
};

type StoredRow = ViewRow & { readonly run: number };

const isSame = (stored: StoredRow, wanted: OrderViewRow | undefined): boolean =>
  wanted !== undefined &&
  stored.run === runOf(wanted.firstPosition) &&
  viewValues(wanted, wanted.firstPosition).every((value, index) => value === stored[viewColumns[index]!]);

const toRow = (change: OrderViewChange, position: number): (string | number | null)[] => [
  runOf(position),
  ...viewValues(change, position),
];

const orderKey = ({ tenant, orderId }: Pick<OrderViewChange, 'tenant' | 'orderId'>): string =>
  `${tenant}\n${orderId}`;

/**
 * Where each order's first event is, for the orders that existed before: their rows say it, and if a row is missing
 * the log does.
 */
const firstPositions = async (
  session: Session,
  dialect: SqlDialect,
  changes: readonly OrderViewChange[],
): Promise<(change: OrderViewChange) => number> => {
  const existing = changes.filter(({ firstPosition }) => firstPosition === null);
  const rows =
    existing.length === 0
      ? []
      : await session.query<{ tenant: string; orderId: string; position: number }>(
          `select k.c0 as tenant, k.c1 as "orderId", coalesce(v.first_position, e.position) as position
           from ${dialect.rows(['text', 'text'])} k
           left join order_views v on v.tenant = k.c0 and v.order_id = k.c1
           left join events e on e.tenant = k.c0 and e.stream = 'orders/' || k.c1 and e.version = 1
           where coalesce(v.first_position, e.position) is not null`,
          [JSON.stringify(existing.map(({ tenant, orderId }) => [tenant, orderId]))],
        );
  const positions = new Map(rows.map((row) => [orderKey(row), row.position]));
  return (change) => {
    const position = positions.get(orderKey(change));
    if (position === undefined) throw new Error(`order ${change.orderId} has neither a view nor an event`);
    return position;
  };
};
