import { hash } from 'node:crypto';

/** The tenant and the filters that a list was asked for with, always in the same order. */
export type ListScope = readonly (string | number | undefined)[];

/** Where a list goes on. Opaque to clients, and bound to the filters it was made with; the limit may change. */
export const encodeCursor = (place: string, scope: ListScope): string =>
  Buffer.from(`${place}.${digest(scope)}`).toString('base64url');

/** The place, or undefined when the cursor is not ours or was made with other filters. */
export const decodeCursor = (cursor: string, scope: ListScope): string | undefined => {
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const place = text.slice(0, Math.max(0, text.lastIndexOf('.')));
  return place !== '' && encodeCursor(place, scope) === cursor ? place : undefined;
};

const digest = (scope: ListScope): string =>
  hash('sha256', JSON.stringify(scope.map((value) => value ?? null)), 'base64url').slice(0, 16);
