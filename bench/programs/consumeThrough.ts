/**
 * A consumer of the service empties a queue: gate and effect in SQLite, then the ack. Reads
 * `{ file, url, prefix, total, inPlaceOf }`, prints `{ perSecond, cpuMicroseconds, finishedAt }`: processor time for
 * each message, and the wall clock at the last commit. With `inPlaceOf` it takes the work queue of that consumer of the service, else the queue that watches.
 */
import { type Consumer, orderflowTopology, workQueueOf } from '../../src/app/messaging/topology.ts';
import { openBenchConsumer } from '../support/consumer.ts';
import { watchQueue, watchTopology } from '../support/rabbitmq.ts';

const { file, url, prefix, total, inPlaceOf } = JSON.parse(process.argv[2] ?? '') as {
  readonly file: string;
  readonly url: string;
  readonly prefix: string;
  readonly total: number;
  readonly inPlaceOf?: Consumer;
};

const done = Promise.withResolvers<void>();
let tried = 0;
const queue = inPlaceOf === undefined ? watchQueue(prefix) : workQueueOf(prefix, inPlaceOf);
const consumer = await openBenchConsumer({
  file,
  url,
  topology: inPlaceOf === undefined ? watchTopology(prefix, 'order.#') : orderflowTopology(prefix),
  queue,
  before: () => {
    tried += 1;
  },
  onCommitted: async () => {
    if (tried >= total && (await consumer.stores.events.lastPosition()) >= total) done.resolve();
  },
});
const started = performance.now();
const cpu = process.cpuUsage();
await consumer.start();
await done.promise;
const finishedAt = Date.now();
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(cpu);
await consumer.stop();
await consumer.broker.close();
await consumer.stores.close();
const cpuMicroseconds = (user + system) / total;
process.stdout.write(JSON.stringify({ perSecond: total / seconds, cpuMicroseconds, finishedAt }));
