import { afterEach, describe, expect, it } from 'vitest';
import { publicationOf } from '../support/consumerRig.ts';
import { eventually } from '../support/eventually.ts';
import { type MortalOptions, openMortalConsumers } from '../support/mortalConsumers.ts';

type Rig = ReturnType<typeof openMortalConsumers>;
type Process = Awaited<ReturnType<Rig['startProcess']>>;

describe('a message that kills the process', () => {
  const running: Process[] = [];
  afterEach(async () => {
    for (const process of running.splice(0)) await process.stop();
  });

  const start = async (rig: Rig): Promise<Process> => {
    const process = await rig.startProcess();
    running.push(process);
    return process;
  };
  const open = (options: Partial<MortalOptions>) =>
    openMortalConsumers({ consumers: ['orders'], prefetch: 500, kills: () => false, ...options });
  const publish = async (rig: Rig, count: number): Promise<readonly string[]> => {
    const sources = Array.from({ length: count }, (_, index) => `/s${index}`);
    await Promise.all(sources.map((source) => rig.broker.publish(publicationOf(source, 1))));
    return sources;
  };
  /** Starts a process anew whenever one has died, until the check passes. */
  const untilAfterDeaths = async (rig: Rig, check: () => void): Promise<void> => {
    const done = { now: false };
    const supervised = (async () => {
      while (!done.now) await (await start(rig)).died;
    })();
    await eventually(check, { timeoutMs: 20_000 });
    done.now = true;
    await running.at(-1)?.stop();
    void supervised;
  };

  it('is found among 500 and set aside after three deaths; every other takes effect once', async () => {
    const rig = open({ kills: ({ source }) => source === '/s321' });
    const sources = await publish(rig, 500);
    await untilAfterDeaths(rig, () => expect(rig.deadLetters()).toHaveLength(1));
    const [letter] = rig.deadLetters();
    expect(letter).toMatchObject({ id: '/s321#1', headers: { 'x-orderflow-reason': 'crash' } });
    expect(rig.deaths()).toBe(3);
    for (const source of sources)
      expect(rig.effects('orders', source), source).toBe(source === '/s321' ? 0 : 1);
  });

  it('is found as well where the broker forgets with the process what it delivered', async () => {
    const rig = open({ knowsRedelivered: false, kills: ({ source }) => source === '/s321' });
    const sources = await publish(rig, 500);
    await untilAfterDeaths(rig, () => expect(rig.deadLetters()).toHaveLength(1));
    expect(rig.deadLetters()[0]).toMatchObject({ id: '/s321#1', headers: { 'x-orderflow-reason': 'crash' } });
    expect(rig.deaths()).toBe(3);
    for (const source of sources)
      expect(rig.effects('orders', source), source).toBe(source === '/s321' ? 0 : 1);
  });

  it('is not looked for among messages that are younger than the death', async () => {
    const rig = open({ knowsRedelivered: false });
    (await start(rig)).die();
    await start(rig);
    const before = rig.transactions.count;
    const time = new Date(Date.now() + 3_600_000).toISOString();
    const young = Array.from({ length: 1_000 }, (_, index) => {
      const { payload, ...rest } = publicationOf(`/young${index}`, 1);
      return { ...rest, payload: JSON.stringify({ ...JSON.parse(payload), time }) };
    });
    await Promise.all(young.map((publication) => rig.broker.publish(publication)));
    await eventually(() => expect(rig.effects('orders', '/young999')).toBe(1));
    expect(rig.transactions.count - before).toBeLessThan(200);
  });

  it('costs its neighbours little: what was in hand goes in small groups', async () => {
    const rig = open({ kills: () => false, knowsRedelivered: false });
    (await start(rig)).die();
    const sources = await publish(rig, 1_000);
    await start(rig);
    for (const source of sources) await eventually(() => expect(rig.effects('orders', source)).toBe(1));
    // Two commits for each message would be 2,000.
    expect(rig.transactions.count).toBeLessThan(300);
  });

  it('is found also where several are in hand at once, with three deaths at most for each', async () => {
    const deadly = ['/s3', '/s4', '/s90'];
    const rig = open({ kills: ({ source }) => deadly.includes(source) });
    const sources = await publish(rig, 100);
    await untilAfterDeaths(rig, () => expect(rig.deadLetters()).toHaveLength(deadly.length));
    expect(
      rig
        .deadLetters()
        .map(({ id }) => id)
        .sort(),
    ).toEqual(['/s3#1', '/s4#1', '/s90#1']);
    // The first death is nobody's yet: they share it. The second may be shared as well, by those of one group.
    expect(rig.deaths()).toBeLessThanOrEqual(1 + 2 * deadly.length);
    for (const source of sources)
      expect(rig.effects('orders', source), source).toBe(deadly.includes(source) ? 0 : 1);
  });

  it('is told from those that other consumers of the process have in hand', async () => {
    const rig = open({
      consumers: ['orders', 'inventory', 'loyalty'],
      kills: ({ source }, consumer) => consumer === 'inventory' && source === '/s10',
    });
    const sources = await publish(rig, 30);
    await untilAfterDeaths(rig, () => expect(rig.deadLetters()).toHaveLength(1));
    expect(rig.deadLetters()[0]?.headers).toMatchObject({ 'x-orderflow-queue': 'inventory' });
    for (const consumer of ['orders', 'inventory', 'loyalty'])
      for (const source of sources)
        if (consumer !== 'inventory' || source !== '/s10')
          await eventually(() => expect(rig.effects(consumer, source), `${consumer}${source}`).toBe(1));
    expect(rig.deadLetters()).toHaveLength(1);
  });

  it('is found by processes that live on, as well', async () => {
    const rig = open({ prefetch: 10, kills: ({ source }) => source === '/s5' });
    const [one, other, third, fourth] = [
      await start(rig),
      await start(rig),
      await start(rig),
      await start(rig),
    ];
    const sources = await publish(rig, 200);
    await eventually(() => expect(rig.deadLetters()).toHaveLength(1), { timeoutMs: 20_000 });
    expect(rig.deaths()).toBe(3);
    expect([one, other, third, fourth]).toHaveLength(4);
    for (const source of sources)
      await eventually(() => expect(rig.effects('orders', source), source).toBe(source === '/s5' ? 0 : 1));
  });

  it('is not what a broken connection gives back: that is handled in batches as ever', async () => {
    const rig = open({ prefetch: 10_000 });
    const process = await start(rig);
    process.broker.disconnect();
    const sources = await publish(rig, 2_000);
    process.broker.reconnect();
    await eventually(() => expect(rig.effects('orders', '/s0')).toBe(1));
    process.broker.disconnect();
    const before = rig.transactions.count;
    process.broker.reconnect();
    for (const source of sources) await eventually(() => expect(rig.effects('orders', source)).toBe(1));
    expect(rig.transactions.count - before).toBeLessThan(200);
  });

  it('is not suspected for long where a living process gave messages back', async () => {
    const rig = open({ prefetch: 5_000 });
    const living = await start(rig);
    const other = await start(rig);
    const sources = await publish(rig, 5_000);
    living.broker.disconnect();
    for (const source of sources) await eventually(() => expect(rig.effects('orders', source)).toBe(1));
    expect(rig.deadLetters()).toEqual([]);
    living.broker.reconnect();
    await other.stop();
  });
});
