import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { models } from '../../src/app/composition/models.ts';
import { consumers } from '../../src/app/messaging/topology.ts';

/** What was committed, read from the service's own database and kept between two looks. */
export interface OrderLedger {
  /** Reads on, and returns the types of the public events of every stream, in order. */
  read(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Messages that are due and not yet confirmed by the broker. */
  unpublished(): Promise<number>;
  /** Messages that consumers have set aside, or keep for later. */
  unhandled(): Promise<number>;
  close(): Promise<void>;
}

export const openLedger = async (file: string): Promise<OrderLedger> => {
  const stores = await openSqliteStores({ file, migrate: 'check', clock: systemClock, logger: silentLogger });
  const streams = new Map<string, string[]>();
  let position = 0;
  return {
    read: async () => {
      for (;;) {
        const events = await stores.events.readAll(position, 5_000);
        for (const { stream, type } of events) {
          if (!isPublic(stream, type)) continue;
          const types = streams.get(stream);
          if (types === undefined) streams.set(stream, [type]);
          else types.push(type);
        }
        position = events.at(-1)?.position ?? position;
        if (events.length === 0) return streams;
      }
    },
    unpublished: async () => (await stores.outbox.stats(Date.now())).pending,
    unhandled: async () => {
      const letters = await stores.deadLetters.list({ tenant: 'default', limit: 100 });
      const blocked = await stores.inbox.blocked('default', 100);
      const due = await Promise.all(
        consumers.map((name) => stores.inbox.due(name, Number.MAX_SAFE_INTEGER, 100)),
      );
      return letters.length + blocked.length + due.flat().length;
    },
    close: () => stores.close(),
  };
};

/** Private events are in the log as well, and no message tells of them. */
const privacies = new Map(
  models.map(({ aggregate }) => {
    const { category, isPublic } = aggregate as { category: string; isPublic?: (type: string) => boolean };
    return [category, isPublic];
  }),
);

const isPublic = (stream: string, type: string): boolean =>
  privacies.get(stream.split('/', 1)[0] ?? '')?.(type) ?? true;
