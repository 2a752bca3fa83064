import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OutboxRelay } from '../../src/app/messaging/OutboxRelay.ts';
import { InstanceSignal } from '../../src/app/messaging/operate/InstanceSignal.ts';
import { operationsService } from '../../src/app/messaging/operate/operationsService.ts';
import { RelaySwitchWatch } from '../../src/app/messaging/operate/RelaySwitchWatch.ts';
import { messages, openRelayRig } from '../support/relayRig.ts';

const ann = { tenant: 'default', who: 'ann' };

describe('the relay switch', () => {
  let rig: ReturnType<typeof openRelayRig>;
  let running: (() => Promise<void>)[] = [];
  beforeEach(() => {
    rig = openRelayRig();
    running = [];
  });
  afterEach(async () => {
    for (const stop of running) await stop();
  });

  let ids = 0;
  const system = () => ({
    clock: rig.clock,
    logger: rig.logger,
    ids: {
      next: () => {
        ids += 1;
        return `id-${String(ids).padStart(6, '0')}`;
      },
    },
  });

  /** One running instance, with a connection of its own. */
  const startInstance = (): { readonly relay: OutboxRelay; readonly signal: InstanceSignal } => {
    const relay = rig.startRelay();
    const watch = new RelaySwitchWatch({ relaySwitch: rig.stores.relaySwitch, relay, ...system() });
    const signal = new InstanceSignal({ broker: rig.connect(), ...system() });
    signal.onSignal(() => watch.wake());
    watch.start();
    void signal.start();
    running.push(async () => {
      await watch.stop();
      await signal.stop();
      const stopped = relay.stop({ deadlineMs: 1_000 });
      await rig.clock.advance(2_000);
      await stopped;
    });
    return { relay, signal };
  };
  const serviceOf = (announce: () => void, relay?: OutboxRelay) =>
    operationsService({
      stores: rig.stores,
      ...system(),
      relayState: () => relay?.status().state ?? 'elsewhere',
      announce,
    });

  it('holds what is not sent yet, for every instance at once, until it is turned on again', async () => {
    const [one, two] = [startInstance(), startInstance()];
    await rig.clock.advance(100);
    const service = serviceOf(() => one.signal.announce(), one.relay);
    expect(await service.pauseRelay(ann, true)).toMatchObject({ paused: true, changedBy: 'ann' });
    await rig.clock.advance(1);
    expect([one.relay.status().state, two.relay.status().state]).toEqual(['paused', 'paused']);
    await rig.commit(...messages('a', 3));
    await rig.clock.advance(60_000);
    expect(rig.ids()).not.toContain('a-1');
    expect(await service.outbox()).toMatchObject({
      pending: 3,
      relay: { state: 'paused', lastSuccessAt: null },
    });
    await service.pauseRelay(ann, false);
    await rig.clock.advance(1_000);
    expect(rig.ids().filter((id) => id.startsWith('a-'))).toEqual(['a-1', 'a-2', 'a-3']);
    const report = await service.outbox();
    expect(report).toMatchObject({ pending: 0, relay: { state: 'idle' } });
    expect(report.relay.lastSuccessAt).not.toBeNull();
    const actions = await service.actions({ tenant: 'default', limit: 9 });
    expect(actions.map(({ what, who }) => [what, who])).toEqual([
      ['resume', 'ann'],
      ['pause', 'ann'],
    ]);
  });

  it('is seen within a second by an instance that missed the hint', async () => {
    const { relay } = startInstance();
    await rig.clock.advance(100);
    await serviceOf(() => {}).pauseRelay(ann, true);
    await rig.clock.advance(1_100);
    expect(relay.status().state).toBe('paused');
  });

  it('holds an instance that starts later, from its first moment', async () => {
    await serviceOf(() => {}).pauseRelay(ann, true);
    await rig.commit(...messages('a', 2));
    const { relay } = startInstance();
    await rig.clock.advance(30_000);
    expect([relay.status().state, rig.ids()]).toEqual(['paused', []]);
  });

  it('stays as it is while the database does not answer', async () => {
    const { relay } = startInstance();
    await rig.clock.advance(100);
    const { read } = rig.stores.relaySwitch;
    Object.assign(rig.stores.relaySwitch, { read: () => Promise.reject(new Error('away')) });
    await rig.commit(...messages('a', 2));
    relay.wake();
    await rig.clock.advance(5_000);
    expect(rig.ids().filter((id) => id.startsWith('a-'))).toEqual(['a-1', 'a-2']);
    Object.assign(rig.stores.relaySwitch, { read });
    expect(rig.logger.entries.some(({ message }) => message.includes('paused'))).toBe(true);
  });

  it('marks what was in flight when it was turned off', async () => {
    const relay = rig.startRelay();
    await rig.clock.advance(50);
    await rig.commit(...messages('a', 2));
    relay.wake();
    relay.pause();
    await rig.clock.advance(5_000);
    expect(await rig.pending()).toBe(2);
    relay.resume();
    await rig.clock.advance(1_000);
    expect(await rig.pending()).toBe(0);
    running.push(async () => {
      const stopped = relay.stop({ deadlineMs: 1_000 });
      await rig.clock.advance(2_000);
      await stopped;
    });
  });
});
