import { expect } from 'vitest';
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import type { EventListener } from './eventListener.ts';
import { eventually } from './eventually.ts';

const ofOrders = '/orderflow/orders/';

/**
 * Waits until the service's outbox is empty; then every order's events were heard, and nothing else of it, and every
 * source's messages in order.
 */
export const everythingIsPublishedInOrder = async (
  file: string,
  listener: EventListener,
  timeoutMs = 10_000,
): Promise<void> => {
  const stores = await openSqliteStores({ file, migrate: 'check', clock: systemClock, logger: silentLogger });
  try {
    await eventually(async () => expect((await stores.outbox.stats(Date.now())).pending).toBe(0), {
      timeoutMs,
    });
    const committed = new Set<string>();
    for (let after = 0; ; ) {
      const events = await stores.events.readAll(after, 5_000);
      if (events.length === 0) break;
      for (const { id, stream } of events) if (stream.startsWith('orders/')) committed.add(id);
      after = events.at(-1)?.position ?? after;
    }
    await eventually(() => expect([...committed].filter((id) => !listener.ids().has(id))).toEqual([]));
    const sightings = [...listener.firstSightings()];
    for (const [source, sequences] of sightings) {
      expect(sequences, source).toEqual(Array.from(sequences, (_, index) => index + 1));
    }
    // At least once, and nothing that was not committed.
    const orders = sightings.filter(([source]) => source.startsWith(ofOrders));
    expect(orders.reduce((sum, [, sequences]) => sum + sequences.length, 0)).toBe(committed.size);
  } finally {
    await stores.close();
  }
};
