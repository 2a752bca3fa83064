import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryState } from '../../src/adapters/memory/memoryState.ts';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { WritePipeline } from '../../src/app/commands/WritePipeline.ts';
import { type IncomingMessage, readEnvelope } from '../../src/app/messaging/consume/incomingMessage.ts';
import { notificationConsumer } from '../../src/app/notifications/notificationConsumer.ts';
import { notificationService } from '../../src/app/notifications/notificationService.ts';
import type { OutgoingNotification } from '../../src/ports/notificationSender.ts';
import { orderMessage } from '../support/orderMessages.ts';

describe('the notifications', () => {
  const state = createMemoryState();
  const stores = openMemoryStores({ state });
  const sent: OutgoingNotification[] = [];
  let pipeline: WritePipeline;
  beforeEach(() => {
    pipeline = new WritePipeline({
      unitOfWork: stores.unitOfWork,
      clock: systemClock,
      ids: uuidV7Ids,
      logger: silentLogger,
      capacity: 10,
      maxBatch: 1,
      onCommitted: () => {},
    });
  });
  afterEach(() => pipeline.stop());

  const handler = notificationConsumer({
    queue: 'orderflow.notifications',
    clock: systemClock,
    stores,
    channels: ['email'],
    maxAgeMs: Number.POSITIVE_INFINITY,
    senders: { email: { send: async (one) => void sent.push(one), close: async () => {} } },
  });
  const handle = async (message: IncomingMessage): Promise<void> => {
    const prepared = await handler.prepare?.(message, new AbortController().signal);
    const cause = { tenant: 'default', correlationId: 'test', causationId: message.id, traceparent: null };
    const streams = handler.streams(message);
    await pipeline.submit({ cause, streams, run: (session) => handler.handle(session, message, prepared) });
  };
  const tell = (...about: Parameters<typeof orderMessage>) => handle(readEnvelope(orderMessage(...about)));

  it('are sent by tasks that say nothing of the customer to the broker', async () => {
    await tell('o-1', 1, 'placed', { customerId: 'c-42', metadata: { email: 'ann@shop.example' } });
    await tell('o-1', 2, 'shipped', { carrier: 'UPS', trackingNumber: '1Z-999' });
    const published = [...state.outbox.values()];
    expect(published.map(({ exchange }) => exchange)).toEqual(['events', 'tasks']);
    for (const { payload } of published) expect(payload).not.toMatch(/c-42|ann@|UPS|1Z-999/);
    for (const { id, type, payload } of published.slice(1)) {
      const contentType = 'application/cloudevents+json';
      await handle(readEnvelope({ id, type, contentType, payload, timestamp: 0, headers: {} }));
    }
    const [recipient, template] = ['ann@shop.example', 'order-shipped'];
    expect(sent).toMatchObject([{ recipient, template, values: { carrier: 'UPS' } }]);
    expect(await notificationService(stores).ofOrder('default', 'o-1')).toMatchObject([
      { template, status: 'sent', channel: 'email', recipient },
    ]);
  });
});
