/**
 * Dead letters go back to their queue and are handled: from the request for the job until the last effect is
 * committed. Reads `{ file, url, prefix, total }`, prints `{ perSecond }`.
 */
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { PermanentFailure } from '../../src/app/messaging/consume/incomingMessage.ts';
import { DeadLetterCollector } from '../../src/app/messaging/desk/DeadLetterCollector.ts';
import { deadLetterService } from '../../src/app/messaging/desk/deadLetterService.ts';
import { redriveJobs } from '../../src/app/messaging/desk/redriveJobs.ts';
import { OutboxRelay } from '../../src/app/messaging/OutboxRelay.ts';
import { JobWorker } from '../../src/app/messaging/operate/JobWorker.ts';
import { orderflowTopology, workQueueOf } from '../../src/app/messaging/topology.ts';
import { backlog } from '../support/backlog.ts';
import { openBenchConsumer } from '../support/consumer.ts';

const { file, url, prefix, total } = JSON.parse(process.argv[2] ?? '') as {
  readonly file: string;
  readonly url: string;
  readonly prefix: string;
  readonly total: number;
};

const common = { clock: systemClock, ids: uuidV7Ids, logger: silentLogger };
const topology = orderflowTopology(prefix);
const queue = workQueueOf(prefix, 'orders');
const allDead = Promise.withResolvers<void>();
const allHandled = Promise.withResolvers<void>();
let mended = false;
let tried = 0;
const consumer = await openBenchConsumer({
  file,
  url,
  topology,
  queue,
  before: () => {
    if (!mended) throw new PermanentFailure('not yet');
    tried += 1;
  },
  onCommitted: async () => {
    relay.wake();
    if (tried >= total && (await stores.events.lastPosition()) >= total) allHandled.resolve();
  },
});
const { stores, broker } = consumer;
const { unitOfWork, outbox, leases } = stores;
const relay = new OutboxRelay({
  ...common,
  outbox,
  leases,
  publisher: broker,
  owner: uuidV7Ids.next(),
  isMandatory: () => true,
});
const onCommitted = (): void => relay.wake();
const kind = redriveJobs({ ...common, unitOfWork, desk: stores.deadLetters, onCommitted });
const redriver = new JobWorker({ ...common, kind });
const desk = deadLetterService({
  ...common,
  unitOfWork,
  desk: stores.deadLetters,
  onCommitted,
  onJob: () => redriver.wake(),
});
const collector = new DeadLetterCollector({
  ...common,
  queue,
  subscriber: broker,
  desk: {
    keep: async (letters) => {
      await stores.deadLetters.keep(letters);
      if ((await stores.deadLetters.count('default', {})) === total) allDead.resolve();
    },
  },
});
relay.start();
redriver.start();
await Promise.all([consumer.start(), collector.start()]);
// The first message of so many orders: none waits for another.
for (const { id, type, payload } of backlog(4 * total).slice(0, total)) {
  const message = { id, type, payload, contentType: 'application/cloudevents+json', timestamp: Date.now() };
  void broker.publish({
    ...message,
    headers: { tenant: 'default' },
    exchange: 'tasks',
    routingKey: queue,
    mandatory: true,
  });
}
await allDead.promise;

mended = true;
const started = performance.now();
const request = { selection: {}, limit: null, ratePerSecond: null };
await desk.redrive({ tenant: 'default', who: 'bench' }, request);
await allHandled.promise;
const seconds = (performance.now() - started) / 1000;
await Promise.all([consumer.stop(), collector.stop()]);
await redriver.stop();
await relay.stop({ deadlineMs: 5_000 });
await broker.close();
await stores.close();
process.stdout.write(JSON.stringify({ perSecond: total / seconds }));
