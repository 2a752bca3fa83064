/** Prints one line per placed order, from a queue of its own; ends after `count` events where that is given. */
import { connect } from 'amqplib';

const { BROKER_URL = 'amqp://guest:guest@127.0.0.1:5672', QUEUE_PREFIX = '' } = process.env;
const [events, audit] = [`${QUEUE_PREFIX}orderflow.events`, `${QUEUE_PREFIX}orderflow.audit`];
const queue = `${QUEUE_PREFIX}audit-subscriber`;
let left = Number(process.argv[2] ?? Number.POSITIVE_INFINITY);

const connection = await connect(BROKER_URL, { noDelay: true, keepAlive: true, timeout: 10_000 });
connection.on('close', () => {
  if (left <= 0) return;
  console.error('no longer listening: the connection or the queue is gone'); // A queue that is there keeps what comes.
  process.exitCode = 1;
});
const channel = await connection.createChannel();
// Declared just as the service does, so that it does not matter who starts first.
await channel.assertExchange(events, 'topic', { durable: true });
await channel.assertExchange(audit, 'headers', { durable: true });
await channel.bindExchange(audit, events, '#');
await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
const wanted = { 'x-match': 'all', tenant: 'default', type: 'orderflow.order.placed.v1' };
await channel.bindQueue(queue, audit, '', wanted);
await channel.prefetch(20);

/** An audit leaves nothing out: what cannot be read is shown as it came. */
const lineOf = (content: string): string => {
  try {
    const { time, type, source, sequence } = JSON.parse(content);
    return [time, type, source, sequence].join(' ');
  } catch {
    return `unreadable ${JSON.stringify(content)}`;
  }
};

await channel.consume(queue, (message) => {
  if (message === null) return void connection.close(); // Somebody deleted the queue.
  if (left <= 0) return; // Sent to us before we had closed; the queue gets it back.
  console.log(lineOf(message.content.toString()));
  channel.ack(message); // Only now: what was not printed comes again.
  left -= 1;
  if (left <= 0) void connection.close();
});
console.error(`listening to ${queue}`);
