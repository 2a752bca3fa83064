import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { resilientSender } from '../../../src/adapters/notifications/resilientSender.ts';
import { type NotificationSender, SendRefused } from '../../../src/ports/notificationSender.ts';
import { eventually } from '../../support/eventually.ts';
import { recordingLogger } from '../../support/recordingLogger.ts';

const notification = { idempotencyKey: 'n-1', orderId: 'o-1', template: 't', recipient: 'c', values: {} };
const never = new AbortController().signal;

/** A sender that does what it is told, counting calls. */
const scripted = (behave: (call: number, signal: AbortSignal) => Promise<void>) => {
  let calls = 0;
  const sender: NotificationSender = {
    send: (_notification, signal) => {
      calls += 1;
      return behave(calls, signal);
    },
    close: async () => undefined,
  };
  return { sender, calls: () => calls };
};

const quick = { timeoutMs: 50, atOnce: 2, retries: 1, breakAfter: 3, restMs: 100 };
const resilient = (sender: NotificationSender) => resilientSender('test', sender, recordingLogger(), quick);

describe('a resilient sender', () => {
  it('tries again at once, and then it is well', async () => {
    const { sender, calls } = scripted(async (call) => {
      if (call === 1) throw new Error('not now');
    });
    await resilient(sender).send(notification, never);
    expect(calls()).toBe(2);
  });

  it('does not try again what was refused for good', async () => {
    const { sender, calls } = scripted(async () => {
      throw new SendRefused('no such address');
    });
    await expect(resilient(sender).send(notification, never)).rejects.toThrow('no such address');
    expect(calls()).toBe(1);
  });

  it('ends a try that hangs, and tells it so', async () => {
    let aborted = 0;
    const { sender, calls } = scripted(
      (_call, signal) =>
        new Promise(() => {
          signal.addEventListener('abort', () => {
            aborted += 1;
          });
        }),
    );
    await expect(resilient(sender).send(notification, never)).rejects.toThrow();
    expect([calls(), aborted]).toEqual([2, 2]);
  });

  it('sends so many side by side; those that wait are not late', async () => {
    let now = 0;
    let most = 0;
    const { sender } = scripted(async () => {
      now += 1;
      most = Math.max(most, now);
      await sleep(20);
      now -= 1;
    });
    const careful = resilient(sender);
    await Promise.all(Array.from({ length: 10 }, () => careful.send(notification, never)));
    expect(most).toBe(2);
  });

  it('leaves a channel that is down alone, and comes back to it', async () => {
    let down = true;
    const { sender, calls } = scripted(async () => {
      if (down) throw new Error('down');
    });
    const careful = resilient(sender);
    for (let time = 0; time < 3; time += 1) await careful.send(notification, never).catch(() => undefined);
    const before = calls();
    await expect(careful.send(notification, never)).rejects.toThrow('left alone');
    expect(calls()).toBe(before);
    down = false;
    await eventually(() => careful.send(notification, never));
    await careful.send(notification, never);
  });
});
