import { InMemoryBroker } from '../../src/adapters/memory/InMemoryBroker.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { snapshotSchemas } from '../../src/app/commands/snapshots.ts';
import { WritePipeline } from '../../src/app/commands/WritePipeline.ts';
import { inventoryConsumer } from '../../src/app/inventory/inventoryConsumer.ts';
import { reservationModel, stockModel } from '../../src/app/inventory/inventoryModels.ts';
import { stockService } from '../../src/app/inventory/stockService.ts';
import { CarefulLane } from '../../src/app/messaging/consume/CarefulLane.ts';
import { ConsumerRunner } from '../../src/app/messaging/consume/ConsumerRunner.ts';
import { DeathWatch } from '../../src/app/messaging/consume/DeathWatch.ts';
import { gateKeeper } from '../../src/app/messaging/consume/GateBook.ts';
import { orderflowTopology, workQueueOf } from '../../src/app/messaging/topology.ts';
import type { UnknownStock } from '../../src/domain/inventory/reservation.ts';
import type { Publication } from '../../src/ports/broker.ts';
import type { RecordedEvent } from '../../src/ports/eventStore.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { eventually } from './eventually.ts';
import { recordingLogger } from './recordingLogger.ts';

export interface InventoryRigOptions {
  /** One per process; all of them on one database. */
  readonly stores: readonly [Stores, ...Stores[]];
  readonly unknownStock?: UnknownStock;
  readonly maxBatch?: number;
}

/** The inventory of several processes at work on one queue and one database. The orders are played by the test. */
export const openInventoryRig = async ({
  stores: all,
  unknownStock = 'accept',
  maxBatch = 256,
}: InventoryRigOptions) => {
  const broker = new InMemoryBroker({
    topology: orderflowTopology('', ['inventory']),
    clock: systemClock,
    logger: silentLogger,
    confirm: 'on-consumed',
  });
  const logger = recordingLogger();
  const system = { clock: systemClock, ids: uuidV7Ids, logger };
  const processes = all.map((stores) => {
    const pipeline = new WritePipeline({
      unitOfWork: stores.unitOfWork,
      snapshotSchemas: snapshotSchemas([stockModel, reservationModel]),
      ...system,
      capacity: 10_000,
      maxBatch,
      onCommitted: () => {},
    });
    const watch = new DeathWatch({
      register: stores.processes,
      id: uuidV7Ids.next(),
      clock: systemClock,
      logger,
    });
    const runner = new ConsumerRunner({
      handler: inventoryConsumer({ queue: workQueueOf('', 'inventory'), clock: systemClock, unknownStock }),
      subscriber: broker,
      knowsRedelivered: true,
      watch,
      lane: new CarefulLane(),
      pipeline,
      inbox: stores.inbox,
      gates: gateKeeper(systemClock.now),
      ...system,
      prefetch: 500,
      handlerTimeoutMs: 10_000,
    });
    const stock = stockService({ pipeline, stores, waiters: { waitFor: async () => true } });
    return { pipeline, runner, watch, stock };
  });
  for (const { runner } of processes) await runner.start();
  const [{ stock }] = processes as [(typeof processes)[number]];
  const [stores] = all;
  const cause = { tenant: 'default', correlationId: 'test', causationId: 'test', traceparent: null };

  const eventsOf = (stream: string): Promise<readonly RecordedEvent[]> =>
    stores.events.readStream({ tenant: 'default', stream });

  return {
    stores,
    logger,
    /** Resolves once every message is handled, kept or set aside. */
    tell: async (...messages: readonly Publication[]): Promise<void> => {
      await Promise.all(
        messages.map(async (message) => {
          while ((await broker.publish(message)).kind !== 'confirmed') await systemClock.sleep(5);
        }),
      );
    },
    count: async (sku: string, onHand: number): Promise<void> => {
      await stock.set({ cause, sku, onHand, at: new Date().toISOString() });
    },
    stock: async (sku: string) => (await stock.get('default', sku))?.stock,
    eventsOf,
    /** What has become of an order's goods, event by event. */
    reservation: async (orderId: string): Promise<readonly string[]> =>
      (await eventsOf(`reservations/${orderId}`)).map(({ type }) => type),
    /** Nothing waits any more: what was held behind another has followed it. */
    quiet: () =>
      eventually(async () => {
        const { inbox } = stores;
        const waiting = [
          ...(await inbox.blocked('default', 1)),
          ...(await inbox.stranded('inventory', 1)),
          ...(await inbox.due('inventory', Number.MAX_SAFE_INTEGER, 1)),
        ];
        if (waiting.length > 0) throw new Error('messages wait');
      }),
    close: async (): Promise<void> => {
      for (const { runner, watch } of processes) {
        await runner.stop();
        await watch.stop();
      }
      await broker.close();
      for (const { pipeline } of processes) await pipeline.stop();
    },
  };
};

export type InventoryRig = Awaited<ReturnType<typeof openInventoryRig>>;
