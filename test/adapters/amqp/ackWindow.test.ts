import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AckWindow } from '../../../src/adapters/amqp/AckWindow.ts';
import { propertyOptions } from '../../support/properties.ts';

/** A channel that knows the rules: settling a tag that is not outstanding is an error that closes it. */
const strictChannel = (count: number) => {
  const outstanding = new Set(Array.from({ length: count }, (_, index) => index + 1));
  const outcome = new Map<number, 'acked' | 'requeued' | 'rejected'>();
  let frames = 0;
  const settle = (tag: number, how: 'acked' | 'requeued' | 'rejected'): void => {
    expect(outstanding.delete(tag)).toBe(true);
    outcome.set(tag, how);
  };
  return {
    outcome,
    frames: () => frames,
    ack: (tag: number, multiple: boolean) => {
      frames += 1;
      expect(outstanding).toContain(tag);
      if (multiple) for (const lower of [...outstanding]) if (lower < tag) settle(lower, 'acked');
      settle(tag, 'acked');
    },
    nack: (tag: number, requeue: boolean) => {
      frames += 1;
      settle(tag, requeue ? 'requeued' : 'rejected');
    },
  };
};

it('every delivery is settled as asked, exactly once, whatever the order and the batches', async () => {
  const how = fc.constantFrom('acked', 'acked', 'acked', 'requeued', 'rejected', 'left');
  const plan = fc.array(fc.record({ how, weight: fc.integer(), pause: fc.boolean() }), { maxLength: 60 });
  const property = fc.asyncProperty(plan, async (deliveries) => {
    const channel = strictChannel(deliveries.length);
    const window = new AckWindow(channel);
    const order = deliveries
      .map((delivery, index) => ({ ...delivery, tag: index + 1 }))
      .toSorted((a, b) => a.weight - b.weight);
    for (const { tag, how: asked, pause } of order) {
      if (asked === 'acked') window.ack(tag);
      else if (asked !== 'left') window.nack(tag, asked === 'requeued');
      if (pause) await Promise.resolve();
    }
    await Promise.resolve();
    for (const { tag, how: asked } of order) {
      expect(channel.outcome.get(tag)).toBe(asked === 'left' ? undefined : asked);
    }
  });
  await fc.assert(property, propertyOptions({ numRuns: 500 }));
});

it('acks given in one go, in any order, are one frame', async () => {
  const channel = strictChannel(100);
  const window = new AckWindow(channel);
  for (let tag = 100; tag >= 1; tag -= 1) window.ack(tag);
  await Promise.resolve();
  expect(channel.outcome.size).toBe(100);
  expect(channel.frames()).toBe(1);
});
