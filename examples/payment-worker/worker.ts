/**
 * Plays a payment provider: takes money for placed orders and gives it back on request, and reports both by signed
 * callbacks. A total that ends in 13 is declined, and so is a refund of an amount that ends in 13.
 */
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';

const { BROKER_URL = 'amqp://guest:guest@127.0.0.1:5672', QUEUE_PREFIX = '', CALLBACK_SECRET } = process.env;
const { CALLBACK_URL = 'http://127.0.0.1:3000/v1/callbacks/example' } = process.env;
const key = Buffer.from(/^whsec_(.+)$/.exec(CALLBACK_SECRET ?? '')?.[1] ?? '', 'base64');
if (key.length < 24) {
  console.error('Set CALLBACK_SECRET to the secret that the service has for this provider: whsec_…');
  process.exit(2);
}
let left = Number(process.argv[2] ?? Number.POSITIVE_INFINITY);

interface Data {
  readonly id: string;
  readonly orderId: string;
  readonly refundId: string;
  readonly amount: number;
  readonly total: number;
  readonly currency: string;
}

/** What is reported of an event; undefined where there is nothing to pay. */
const factOf = (type: string, data: Data): object | undefined => {
  const orderId = data.orderId ?? data.id;
  const about = { orderId, paymentId: `pay-${orderId}`, currency: data.currency };
  const declined = (amount: number): boolean => amount % 100 === 13;
  if (type === 'orderflow.order.placed.v1') {
    const payment = { ...about, amount: data.total };
    if (data.total === 0) return undefined;
    return declined(data.total)
      ? { type: 'payment.failed', data: { ...payment, reason: 'insufficient_funds' } }
      : { type: 'payment.captured', data: payment };
  }
  const refund = { ...about, refundId: data.refundId, amount: data.amount };
  return declined(data.amount)
    ? { type: 'refund.failed', data: { ...refund, reason: 'account_closed' } }
    : { type: 'refund.completed', data: refund };
};

/** Sends until it is taken: under one id, so that a repetition is known as such, and signed anew each time. */
const report = async (id: string, body: string): Promise<void> => {
  for (let attempt = 0; ; attempt += 1) {
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    };
    try {
      const signal = AbortSignal.timeout(10_000);
      const answer = await fetch(CALLBACK_URL, { method: 'POST', headers, body, signal });
      if (answer.ok) return;
      console.error(`${id} was answered ${answer.status}: ${await answer.text()}`);
    } catch (error) {
      console.error(`${id} was not answered: ${(error as Error).message}`);
    }
    await sleep(Math.min(60_000, 200 * 2 ** attempt) * (0.5 + Math.random() / 2));
  }
};

const connection = await connect(BROKER_URL, { noDelay: true, keepAlive: true, timeout: 10_000 });
connection.on('close', () => {
  if (left <= 0) return;
  console.error('no longer listening: the connection or the queue is gone'); // What is in the queue stays there.
  process.exit(1);
});
const channel = await connection.createChannel();
const [events, queue] = [`${QUEUE_PREFIX}orderflow.events`, `${QUEUE_PREFIX}payment-worker`];
// Declared just as the service does, so that it does not matter who starts first.
await channel.assertExchange(events, 'topic', { durable: true });
await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
for (const routingKey of ['order.placed', 'order.refund-requested']) {
  await channel.bindQueue(queue, events, routingKey);
}
await channel.prefetch(50);

await channel.consume(queue, async (message) => {
  if (message === null) return void connection.close(); // Somebody deleted the queue.
  const { id, type, data } = JSON.parse(message.content.toString()); // Only the service publishes there.
  const fact = factOf(type, data);
  // The event's id names the callback too: should this process die before the ack, the next one repeats it.
  if (fact !== undefined) await report(`payment-${id}`, JSON.stringify(fact));
  if (left <= 0) return; // The queue gets it back.
  console.log(JSON.stringify(fact ?? { nothing: id }));
  channel.ack(message);
  left -= 1;
  if (left === 0) void channel.close().then(() => connection.close());
});
console.error(`listening to ${queue}, reporting to ${CALLBACK_URL}`);
