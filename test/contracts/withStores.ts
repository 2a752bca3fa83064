import { afterEach, beforeEach } from 'vitest';
import type { StoreAdapter, Subject } from './storeAdapters.ts';

/** A fresh database before each test of a suite; the function returns the current one. */
export const withStores = (adapter: StoreAdapter): (() => Subject) => {
  let current: Subject;
  beforeEach(async () => {
    current = await adapter.open();
  });
  afterEach(() => current.dispose());
  return () => current;
};
