/**
 * Lets the relay empty an outbox in SQLite: from its start until every row is marked. Reads
 * `{ file, url, prefix, total, window }`, prints `{ perSecond }`.
 */
import { connectAmqpBroker } from '../../src/adapters/amqp/connectAmqpBroker.ts';
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { OutboxRelay } from '../../src/app/messaging/OutboxRelay.ts';
import { backlog } from '../support/backlog.ts';
import { watchTopology } from '../support/rabbitmq.ts';

const { file, url, prefix, total, window } = JSON.parse(process.argv[2] ?? '') as {
  readonly file: string;
  readonly url: string;
  readonly prefix: string;
  readonly total: number;
  readonly window: number;
};

const common = { clock: systemClock, logger: silentLogger };
const stores = await openSqliteStores({ ...common, file, migrate: 'up' });
const messages = backlog(total);
for (let start = 0; start < total; start += 500)
  await stores.unitOfWork.transact((tx) => tx.outbox.add(messages.slice(start, start + 500)));
const broker = connectAmqpBroker({ ...common, urls: url, topology: watchTopology(prefix, 'order.#') });
await broker.whenReady(new AbortController().signal);
const done = Promise.withResolvers<void>();
let published = 0;
const relay = new OutboxRelay({
  ...common,
  outbox: stores.outbox,
  leases: stores.leases,
  publisher: broker,
  owner: uuidV7Ids.next(),
  isMandatory: () => true,
  onPublished: () => {
    published += 1;
    if (published === total) done.resolve();
  },
  settings: { window },
});
const started = performance.now();
relay.start();
await done.promise;
const seconds = (performance.now() - started) / 1000;
await relay.stop({ deadlineMs: 5_000 });
await broker.close();
await stores.close();
process.stdout.write(JSON.stringify({ perSecond: total / seconds }));
