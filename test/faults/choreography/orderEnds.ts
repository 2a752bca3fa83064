import type { OrderDocument } from '../../../src/domain/orders/orderDocument.ts';

/** Of each of these there must be some: a run without them would show nothing. */
export const everyEnd = [
  'confirmed',
  'shipped',
  'delivered',
  'delivered, paid back',
  'cancelled: customer',
  'cancelled: customer, paid back',
  'cancelled: out_of_stock, paid back',
  'cancelled: expired',
  'cancelled: payment_failed',
] as const;

const endOf = ({ status, cancelReason, refunded }: OrderDocument): string =>
  `${status}${cancelReason === null ? '' : `: ${cancelReason}`}${refunded > 0 ? ', paid back' : ''}`;

/** How many orders came to which end, the most first. */
export const countEnds = (orders: Iterable<OrderDocument>): ReadonlyMap<string, number> => {
  const ends = new Map<string, number>();
  for (const order of orders) ends.set(endOf(order), (ends.get(endOf(order)) ?? 0) + 1);
  return new Map([...ends].sort(([, one], [, other]) => other - one));
};
