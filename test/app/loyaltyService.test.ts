import { describe, expect, it } from 'vitest';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { snapshotSchemas } from '../../src/app/commands/snapshots.ts';
import { WritePipeline } from '../../src/app/commands/WritePipeline.ts';
import { pointsModel, pointsStream } from '../../src/app/loyalty/loyaltyModels.ts';
import { loyaltyService } from '../../src/app/loyalty/loyaltyService.ts';
import type { RecordedEvent } from '../../src/ports/eventStore.ts';

const at = '2026-01-01T00:00:00.000Z';
const cause = { tenant: 'default', correlationId: 'c-1', causationId: 'c-0', traceparent: null };

describe('the points of a customer', () => {
  it('are told with the latest thousand entries, without reading all that came before', async () => {
    const stores = openMemoryStores();
    const pipeline = new WritePipeline({
      unitOfWork: stores.unitOfWork,
      snapshotSchemas: snapshotSchemas([pointsModel]),
      clock: systemClock,
      ids: uuidV7Ids,
      logger: silentLogger,
      capacity: 1_000,
      maxBatch: 100,
      onCommitted: () => {},
    });
    for (let year = 0; year < 30; year += 1)
      await pipeline.submit({
        cause,
        streams: [pointsStream('c-42')],
        run: (session) => {
          for (let month = 0; month < 100; month += 1) {
            const orderId = `o-${year * 100 + month}`;
            const change = month === 99 ? -10 : 2;
            session.execute(pointsModel, 'c-42', { type: 'MovePoints', at, orderId, change });
          }
        },
      });
    let read = 0;
    const counted = async (reading: Promise<readonly RecordedEvent[]>) => {
      const events = await reading;
      read += events.length;
      return events;
    };
    const { events, snapshots } = stores;
    const service = loyaltyService({
      snapshots,
      events: {
        ...events,
        readStream: (key, upTo) => counted(events.readStream(key, upTo)),
        readStreams: (parts) => counted(events.readStreams(parts)),
      },
    });
    const { points, entries } = await service.account('default', 'c-42');
    expect(points).toBe(30 * (99 * 2 - 10));
    expect(entries).toHaveLength(1_000);
    expect(entries[0]).toEqual({ orderId: 'o-2999', points: -10, reason: 'refund', at });
    expect(entries.at(-1)).toEqual({ orderId: 'o-2000', points: 2, reason: 'delivered', at });
    expect(read).toBeLessThanOrEqual(1_100);
  });
});
