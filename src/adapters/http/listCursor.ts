import { hash } from 'node:crypto';
import type { OrderViewQuery } from '../../ports/orderViews.ts';

type Filters = Omit<OrderViewQuery, 'before' | 'limit'>;

const shape = /^([1-9]\d{0,15})\./;

/** Where a list goes on. Opaque to clients, and bound to the filters it was made with; the limit may change. */
export const encodeCursor = (position: number, filters: Filters): string =>
  Buffer.from(`${position}.${digest(filters)}`).toString('base64url');

/** The position, or undefined when the cursor is not ours or was made with other filters. */
export const decodeCursor = (cursor: string, filters: Filters): number | undefined => {
  const [, digits] = shape.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  const position = Number(digits);
  return digits !== undefined && encodeCursor(position, filters) === cursor ? position : undefined;
};

const digest = (filters: Filters): string => {
  const { tenant, customerId, status, clientReference, placedAfter, placedBefore } = filters;
  const values = [tenant, customerId, status, clientReference, placedAfter, placedBefore];
  return hash('sha256', JSON.stringify(values.map((value) => value ?? null)), 'base64url').slice(0, 16);
};
