import { expect } from 'vitest';
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import type { EventListener } from './eventListener.ts';
import { eventually } from './eventually.ts';

const ofOrders = '/orderflow/orders/';

/**
 * Waits until the service's outbox is empty and every order's events were heard, and nothing else of it; every source's
 * messages in order. The service may still run and consume, so what is committed meanwhile counts as well.
 */
export const everythingIsPublishedInOrder = async (
  file: string,
  listener: EventListener,
  timeoutMs = 30_000,
): Promise<void> => {
  const stores = await openSqliteStores({ file, migrate: 'check', clock: systemClock, logger: silentLogger });
  const committed = new Set<string>();
  let after = 0;
  const readOn = async (): Promise<void> => {
    for (;;) {
      const events = await stores.events.readAll(after, 5_000);
      if (events.length === 0) return;
      for (const { id, stream } of events) if (stream.startsWith('orders/')) committed.add(id);
      after = events.at(-1)?.position ?? after;
    }
  };
  try {
    await eventually(
      async () => {
        expect((await stores.outbox.stats(Date.now())).pending).toBe(0);
        // Heard before it is looked up: nothing may be heard that is not committed, but it may be committed since.
        const heard = ordersHeard(listener);
        await readOn();
        expect([...committed].filter((id) => !listener.ids().has(id))).toEqual([]);
        // At least once, and nothing that was not committed.
        expect(heard).toBe(committed.size);
      },
      { timeoutMs },
    );
    for (const [source, sequences] of listener.firstSightings()) {
      expect(sequences, source).toEqual(Array.from(sequences, (_, index) => index + 1));
    }
  } finally {
    await stores.close();
  }
};

/** How many different events of orders were heard. */
const ordersHeard = (listener: EventListener): number =>
  [...listener.firstSightings()]
    .filter(([source]) => source.startsWith(ofOrders))
    .reduce((sum, [, sequences]) => sum + sequences.length, 0);
