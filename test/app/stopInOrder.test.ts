import { describe, expect, it } from 'vitest';
import {
  type StoppableHome,
  type StoppableParts,
  stopInOrder,
} from '../../src/app/composition/stopInOrder.ts';
import { recordingLogger } from '../support/recordingLogger.ts';

const limitMs = 500;

/** Parts that say when they are stopped; `stuck` ones never end. */
const openRig = (stuck: readonly string[] = []) => {
  const stopped: string[] = [];
  let relayMs = 0;
  const ending = (name: string) => (): Promise<void> => {
    stopped.push(name);
    return stuck.includes(name) ? new Promise(() => undefined) : Promise.resolve();
  };
  const stop = (name: string) => ({ stop: ending(name) });
  const close = (name: string) => ({ close: ending(name) });
  const home: StoppableHome = {
    watch: { stop: ending('sign off'), abandon: ending('abandon') },
    redriver: stop('redriver'),
    replayer: stop('replayer'),
    pipeline: stop('pipeline'),
    cleaner: stop('cleaner'),
    relaySwitch: stop('relay switch'),
    relay: {
      stop: ({ deadlineMs }) => {
        relayMs = deadlineMs;
        return ending('relay')();
      },
    },
    stores: close('database'),
  };
  const parts: StoppableParts = {
    lifecycle: { draining: false },
    http: close('http'),
    consumers: [stop('consumer')],
    collectors: [stop('collector')],
    senders: { email: close('email'), webhook: close('webhook') },
    parkedCallbacks: stop('parked callbacks'),
    instances: stop('signal'),
    homes: { all: [home] },
    broker: close('broker'),
  };
  const logger = recordingLogger();
  const run = async () => {
    const begun = performance.now();
    await stopInOrder(limitMs, parts, logger);
    return { stopped, relayMs, tookMs: performance.now() - begun };
  };
  return { parts, logger, run };
};

const all = [
  ...[
    'http',
    'consumer',
    'collector',
    'sign off',
    'email',
    'webhook',
    'parked callbacks',
    'signal',
    'redriver',
  ],
  ...['replayer', 'pipeline', 'cleaner', 'relay switch', 'relay', 'broker', 'database'],
];

describe('stopping', () => {
  it('ends everything, and nobody before those that need it', async () => {
    const { parts, logger, run } = openRig();
    const { stopped } = await run();
    expect(stopped).toEqual(all);
    expect(parts.lifecycle.draining).toBe(true);
    expect(logger.entries).toEqual([]);
  });

  it('does not sign off with messages in hand: the process may be the end of them', async () => {
    const { stopped } = await openRig(['consumer']).run();
    expect(stopped).toContain('abandon');
    expect(stopped).not.toContain('sign off');
  });

  it('leaves the relay time to give up its leases, however long the consumers take', async () => {
    const { relayMs } = await openRig(['http', 'consumer', 'pipeline']).run();
    expect(relayMs).toBeGreaterThan(limitMs / 10);
  });

  it('keeps to its limit whatever is stuck, and still ends everything', async () => {
    const { logger, run } = openRig([...all, 'abandon']);
    const { stopped, tookMs } = await run();
    expect(stopped).toEqual(all.map((name) => (name === 'sign off' ? 'abandon' : name)));
    expect(tookMs).toBeLessThan(limitMs * 1.2);
    expect(logger.entries).toHaveLength(13);
  });

  it('goes on behind a part that fails', async () => {
    const { parts, logger, run } = openRig();
    const broken = { ...parts, broker: { close: () => Promise.reject(new Error('broken')) } };
    await stopInOrder(limitMs, broken, logger);
    expect((await run()).stopped.filter((name) => name === 'database')).toHaveLength(2);
    expect(logger.entries).toMatchObject([
      { message: 'a part did not stop cleanly', fields: { step: 'broker' } },
    ]);
  });
});
