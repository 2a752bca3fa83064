import type { Context } from '../../src/app/config.ts';

/** What each process does in a shop that has one per context. */
export const rolesOf: Readonly<Record<Context, string>> = {
  orders: 'api,relay,orders',
  inventory: 'inventory',
  loyalty: 'loyalty',
  notifications: 'notifications',
};
