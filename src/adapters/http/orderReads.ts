import { z } from 'zod';
import type { OrderViewQuery, OrderViewRow } from '../../ports/orderViews.ts';
import { type AnswerHeaders, answer, jsonType, refuseWhileStopping } from './answer.ts';
import { type Exchange, header } from './Exchange.ts';
import { entityTag, noneMatches } from './entityTags.ts';
import { decodeCursor, encodeCursor } from './listCursor.ts';
import { orderIdIn } from './orderIds.ts';
import { noSuchOrder } from './problems.ts';
import { badParameter, limitParameter, readQuery } from './queryParameters.ts';
import { idSchema, textSchema } from './text.ts';

const versionParameter = z
  .string()
  .regex(/^[1-9]\d*$/, 'must be an integer from 1 on')
  .transform(Number);

/** `GET /v1/orders/{id}`: the order now, or with `version` as it was then. */
export const getOrder = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  const { version } = readQuery(exchange.query, { version: versionParameter });
  const found = await findOrder(exchange, version);
  if (found === undefined) throw noSuchOrder();
  // A cache may keep an order, but must ask each time whether it is still the one.
  const headers: AnswerHeaders = { ETag: entityTag(found.version), 'Cache-Control': 'private, no-cache' };
  if (noneMatches(header(exchange.req, 'if-none-match'), found.version)) answer(exchange, 304, headers, '');
  else answer(exchange, 200, { 'Content-Type': jsonType, ...headers }, found.document);
};

const findOrder = async (
  { edge, tenant, params }: Exchange,
  version: number | undefined,
): Promise<Pick<OrderViewRow, 'version' | 'document'> | undefined> => {
  const { orders } = edge.deps;
  const id = orderIdIn(params);
  if (id === undefined) return undefined;
  if (version === undefined) return orders.get(tenant, id);
  // Beyond this no version exists, and no store could compare it.
  if (!Number.isSafeInteger(version)) return undefined;
  const order = await orders.getAt(tenant, id, version);
  return order && { version, document: JSON.stringify(order) };
};

/** `GET /v1/orders/{id}/events`: the order's history as clients see it. */
export const getHistory = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  readQuery(exchange.query, {});
  const id = orderIdIn(exchange.params);
  const history = id === undefined ? undefined : await exchange.edge.deps.orders.history(exchange.tenant, id);
  if (history === undefined) throw noSuchOrder();
  const items = history.map(({ orderId: _, ...item }) => item);
  answer(exchange, 200, { 'Content-Type': jsonType }, JSON.stringify({ items }));
};

/** A plus sign that the client forgot to escape arrives as a blank. */
const timeParameter = z
  .string()
  .transform((text) => text.replace(/ (?=\d\d:\d\d$)/, '+'))
  .pipe(z.iso.datetime({ offset: true, error: 'must be a date and time of ISO 8601 with a time zone' }))
  .transform((text) => Date.parse(text));

const defaultLimit = 50;
/** A page of large orders ends early: the answer as a whole is in memory. */
const maxPageLength = 4 * 1024 * 1024;

const listParameters = {
  customerId: idSchema,
  status: z.enum(['pending', 'confirmed', 'shipped', 'delivered', 'cancelled'], {
    error: 'must be one of pending, confirmed, shipped, delivered, cancelled',
  }),
  clientReference: textSchema(),
  placedAfter: timeParameter,
  placedBefore: timeParameter,
  limit: limitParameter,
  cursor: z.string(),
};

/** `GET /v1/orders`: newest first, in pages. */
export const listOrders = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  const { limit = defaultLimit, cursor, ...filters } = readQuery(exchange.query, listParameters);
  const scope = { tenant: exchange.tenant, ...filters };
  const { customerId, status, clientReference, placedAfter, placedBefore } = filters;
  const cursorScope = [scope.tenant, customerId, status, clientReference, placedAfter, placedBefore];
  const before = cursor === undefined ? undefined : decodeCursor(cursor, cursorScope);
  // Its digest has no key: anybody can make one.
  if (cursor !== undefined && !isPosition(before)) {
    throw badParameter('cursor', 'must come from an answer to the same filters');
  }
  // One row more than asked for tells whether anything older matches.
  const query: OrderViewQuery = {
    ...scope,
    ...(before === undefined ? {} : { before: Number(before) }),
    limit: limit + 1,
  };
  const rows = await exchange.edge.deps.orders.list(query);
  const page = firstThatFit(rows.slice(0, limit));
  const last = page.at(-1);
  const next =
    rows.length > page.length && last !== undefined
      ? encodeCursor(String(last.firstPosition), cursorScope)
      : null;
  const headers: AnswerHeaders = { 'Content-Type': jsonType };
  if (next !== null) headers.Link = `<${nextPage(exchange, next)}>; rel="next"`;
  const items = page.map(({ document }) => document).join(',');
  answer(exchange, 200, headers, `{"items":[${items}],"next":${JSON.stringify(next)}}`);
};

const firstThatFit = (rows: readonly OrderViewRow[]): readonly OrderViewRow[] => {
  let length = 0;
  const end = rows.findIndex(({ document }, index) => {
    length += document.length;
    return index > 0 && length > maxPageLength;
  });
  return end === -1 ? rows : rows.slice(0, end);
};

const nextPage = ({ query }: Exchange, cursor: string): string => {
  const parameters = new URLSearchParams(query);
  parameters.set('cursor', cursor);
  return `/v1/orders?${parameters}`;
};

const isPosition = (place: string | undefined): boolean =>
  place !== undefined && /^[1-9]\d{0,15}$/.test(place);
