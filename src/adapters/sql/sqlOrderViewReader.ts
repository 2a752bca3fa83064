import type { OrderViewQuery, OrderViewReader, OrderViewRow } from '../../ports/orderViews.ts';
import type { Session, SqlDialect, SqlValue } from './dialect.ts';
import { runOf, selectedView, toView, type ViewRow } from './orderViewRows.ts';

export const createOrderViewReader = (session: Session, dialect: SqlDialect): OrderViewReader => ({
  get: async (tenant, orderId) => {
    const rows = await session.query<ViewRow>(
      `select ${selectedView} from order_views v where tenant = ? and order_id = ?`,
      [tenant, orderId],
    );
    return rows.map(toView)[0];
  },
  list: (query) =>
    query.customerId === undefined ? listAll(session, query) : listByCustomer(session, dialect, query),
});

/** The inner query finds the places in a narrow index; only the page's own rows are then read in full. */
const listAll = async (session: Session, query: OrderViewQuery): Promise<readonly OrderViewRow[]> => {
  const { where, bindings } = conditions(query);
  const rows = await session.query<ViewRow>(
    `select ${selectedView} from
       (select first_position from order_views where ${where} order by first_position desc limit ?) f
     join order_views v on v.first_position = f.first_position order by v.first_position desc`,
    [...bindings, query.limit],
  );
  return rows.map(toView);
};

const mostRunsPerQuery = 256;

/**
 * Asks the newest run first, then ever more runs at once, until the page is full or there are no older ones. "cross
 * join" makes SQLite search each run for the customer; left to itself it reads the whole list to save the sorting.
 */
const listByCustomer = async (
  session: Session,
  dialect: SqlDialect,
  query: OrderViewQuery,
): Promise<readonly OrderViewRow[]> => {
  const { where, bindings } = conditions(query);
  const found: OrderViewRow[] = [];
  let newest = runOf(Math.min(query.before ?? Number.POSITIVE_INFINITY, await lastPosition(session)));
  for (
    let count = 1;
    newest >= 0 && found.length < query.limit;
    count = Math.min(count * 2, mostRunsPerQuery)
  ) {
    const runs = Array.from({ length: Math.min(count, newest + 1) }, (_, index) => [newest - index]);
    const rows = await session.query<ViewRow>(
      `select ${selectedView} from ${dialect.rows(['integer'])} r cross join order_views v
       where v.run = r.c0 and ${where} order by first_position desc limit ?`,
      [JSON.stringify(runs), ...bindings, query.limit - found.length],
    );
    found.push(...rows.map(toView));
    newest -= runs.length;
  }
  return found;
};

const lastPosition = async (session: Session): Promise<number> => {
  const [row] = await session.query<{ last: number | null }>(
    'select max(first_position) as last from order_views',
  );
  return row?.last ?? -1;
};

const conditions = (
  query: OrderViewQuery,
): { readonly where: string; readonly bindings: readonly SqlValue[] } => {
  const all: readonly (readonly [condition: string, value: SqlValue | undefined])[] = [
    ['tenant = ?', query.tenant],
    ['customer_id = ?', query.customerId],
    ['status = ?', query.status],
    ['client_reference = ?', query.clientReference],
    ['placed_at > ?', query.placedAfter],
    ['placed_at < ?', query.placedBefore],
    ['first_position < ?', query.before],
  ];
  const given = all.filter(([, value]) => value !== undefined);
  return {
    where: given.map(([condition]) => condition).join(' and '),
    bindings: given.map(([, value]) => value as SqlValue),
  };
};
