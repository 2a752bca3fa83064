import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { publicationOf } from '../support/consumerRig.ts';
import { eventually } from '../support/eventually.ts';
import { type RabbitmqAdmin, rabbitmqAdmin } from '../support/rabbitmq.ts';
import { startRealConsumer } from '../support/realConsumer.ts';
import { describeWithService, uniquePrefix } from '../support/services.ts';

const operator = { tenant: 'default', who: 'test' };

describeWithService('rabbitmq', 'a message from a stranger in a real queue', () => {
  let directory: string;
  let admin: RabbitmqAdmin;
  let consumer: Awaited<ReturnType<typeof startRealConsumer>>;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'orderflow-foreign-'));
    admin = await rabbitmqAdmin();
    consumer = await startRealConsumer({
      prefix: uniquePrefix(),
      file: join(directory, 'consumer.db'),
      before: () => {},
      retryPolicy: { delaysMs: [], maxDeaths: 2 },
    });
  });
  afterEach(async () => {
    await consumer.stop();
    await admin.remove(consumer.topology);
    await admin.close();
    await rm(directory, { recursive: true });
  });

  const send = (payload: string, messageId?: string) =>
    admin.channel.sendToQueue(consumer.queue, Buffer.from(payload), {
      contentType: 'application/cloudevents+json',
      ...(messageId === undefined ? {} : { messageId }),
    });
  const letters = (count: number) =>
    eventually(async () => {
      const found = await consumer.stores.deadLetters.list({ tenant: 'default', limit: 9 });
      expect(found).toHaveLength(count);
      return found;
    });
  const redrive = async () => {
    const everything = { selection: {}, limit: null, ratePerSecond: null };
    const { id } = await consumer.deadLetters.redrive(operator, everything);
    return eventually(async () => {
      const job = await consumer.deadLetters.job('default', id);
      expect(job?.state).toBe('done');
      return job;
    });
  };

  it('that is empty goes to the desk, from where it can be redriven', async () => {
    send('', 'empty');
    const [letter] = await letters(1);
    expect(letter).toMatchObject({ messageId: 'empty', reason: 'refused' });
    expect(await redrive()).toMatchObject({ done: 1 });
    await eventually(async () => {
      const [again] = await letters(1);
      expect(again?.lastSeen).toBeGreaterThan(letter?.lastSeen ?? 0);
    });
    // A neighbour that can be read is not held up.
    const { payload, id } = publicationOf('/a', 1);
    send(payload, id);
    await eventually(async () => expect(await consumer.stores.events.lastPosition()).toBe(1));
  });

  it.each([
    ['is larger than any of ours', { data: { pad: 'x'.repeat(1_200_000) }, source: '/a' }],
    ['has a name of few characters and many bytes', { id: '🦊'.repeat(64) }],
  ])('that %s goes to the desk, and back there after a redrive', async (_, members) => {
    const { payload, id } = publicationOf('/a', 1);
    send(JSON.stringify({ ...JSON.parse(payload), sequence: 'none', ...members }), id);
    const [letter] = await letters(1);
    expect(letter).toMatchObject({ messageId: id, reason: 'refused' });
    expect(await redrive()).toMatchObject({ done: 1 });
    await eventually(async () => {
      const [again] = await letters(1);
      expect(again?.lastSeen).toBeGreaterThan(letter?.lastSeen ?? 0);
    });
    expect(await consumer.stores.outbox.stats(Date.now())).toMatchObject({ setAside: 0 });
  });
});
