/**
 * The baseline of the relay: bare amqplib, persistent messages with confirms, so many unconfirmed at most. Reads
 * `{ url, prefix, total, window }`, prints `{ perSecond }`.
 */
import { connect } from 'amqplib';
import { backlog } from '../support/backlog.ts';

const { url, prefix, total, window } = JSON.parse(process.argv[2] ?? '') as {
  readonly url: string;
  readonly prefix: string;
  readonly total: number;
  readonly window: number;
};

const messages = backlog(total);
const connection = await connect(url, { noDelay: true, timeout: 5_000 });
const channel = await connection.createConfirmChannel();
const exchange = `${prefix}orderflow.events`;
const started = performance.now();
await new Promise<void>((done, fail) => {
  let next = 0;
  let confirmed = 0;
  const send = (): void => {
    const message = messages[next];
    next += 1;
    if (message === undefined) return;
    const { id, type, tenant, routingKey, payload, traceparent } = message;
    const options = {
      persistent: true,
      mandatory: true,
      messageId: id,
      type,
      contentType: 'application/cloudevents+json',
      timestamp: Math.floor(Date.now() / 1000),
      appId: 'orderflow',
      headers: { tenant, type, traceparent },
    };
    channel.publish(exchange, routingKey, Buffer.from(payload), options, (failure: unknown) => {
      if (failure) fail(failure);
      confirmed += 1;
      if (confirmed === total) done();
      send();
    });
  };
  for (let count = 0; count < window; count += 1) send();
});
const seconds = (performance.now() - started) / 1000;
await connection.close();
process.stdout.write(JSON.stringify({ perSecond: total / seconds }));
