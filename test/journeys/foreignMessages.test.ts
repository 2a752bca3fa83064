import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PermanentFailure } from '../../src/app/messaging/consume/incomingMessage.ts';
import { maxReturnedBytes } from '../../src/ports/broker.ts';
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
      before: ({ data }) => {
        if (typeof data === 'object' && data !== null && 'pad' in data) throw new PermanentFailure('no pads');
      },
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

  it('that is larger than what can be published again is kept at the desk, until it is given up', async () => {
    const [large, next] = [1, 2].map((sequence) => publicationOf('/a', sequence));
    const payload = JSON.stringify({
      ...JSON.parse(large!.payload),
      data: { pad: 'x'.repeat(maxReturnedBytes) },
    });
    send(payload, large!.id);
    send(next!.payload, next!.id);
    const [letter] = await letters(1);
    expect(letter).toMatchObject({ messageId: large!.id, reason: 'refused', source: '/a', sequence: 1 });
    expect(letter?.error).toMatch(
      /^too large to be sent back \(\d+ bytes, .*\), so it is kept here: no pads$/,
    );
    expect(JSON.parse(letter!.message).payload === payload).toBe(true);
    expect(await redrive()).toMatchObject({ total: 0, done: 0, skipped: 1 });
    await letters(1);
    expect(await consumer.deadLetters.discard(operator, [letter!.id], 'too much')).toBe(1);
    await eventually(async () => expect(await consumer.stores.events.lastPosition()).toBe(1));
    await letters(0);
    expect(await consumer.stores.outbox.stats(Date.now())).toMatchObject({ setAside: 0 });
  });
});
