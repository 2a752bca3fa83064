/**
 * The baseline of the consumer: bare amqplib takes and acks what is in the queue, one ack for all that arrived in one
 * turn. Reads `{ url, prefix, total }`, prints `{ perSecond, cpuMicroseconds }`, the latter for each message.
 */
import { connect } from 'amqplib';
import { watchQueue } from '../support/rabbitmq.ts';

const { url, prefix, total } = JSON.parse(process.argv[2] ?? '') as {
  readonly url: string;
  readonly prefix: string;
  readonly total: number;
};

const connection = await connect(url, { noDelay: true, timeout: 5_000 });
const channel = await connection.createChannel();
await channel.prefetch(500, false);
const done = Promise.withResolvers<void>();
let taken = 0;
let acking = false;
const started = performance.now();
const cpu = process.cpuUsage();
await channel.consume(watchQueue(prefix), (message) => {
  if (message === null) return;
  taken += 1;
  if (acking) return;
  acking = true;
  setImmediate(() => {
    acking = false;
    channel.ackAll();
    if (taken === total) done.resolve();
  });
});
await done.promise;
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(cpu);
await channel.close();
await connection.close();
process.stdout.write(
  JSON.stringify({ perSecond: total / seconds, cpuMicroseconds: (user + system) / total }),
);
