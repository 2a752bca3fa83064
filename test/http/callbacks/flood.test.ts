import { afterEach, describe, expect, it } from 'vitest';
import { addressBlock } from '../../../src/adapters/http/addressBlock.ts';
import { RateLimiter } from '../../../src/adapters/http/RateLimiter.ts';
import { type HarnessOptions, type HttpHarness, startHttp } from '../../support/httpHarness.ts';
import { captured, freshId, nowSeconds, secretOf, sendCallback } from '../../support/webhooks.ts';

const provider = (name: string) => [name, { scheme: 'standard', secrets: [secretOf(name)] }] as const;

describe('a flood of callbacks that are not genuine', () => {
  let api: HttpHarness;
  afterEach(() => api.close());
  const start = async (limits: HarnessOptions['limits'] = {}) => {
    api = await startHttp({ providers: new Map([provider('acme'), provider('other')]), limits });
  };
  const forge = (name = 'acme') =>
    api.send({
      method: 'POST',
      path: `/v1/callbacks/${name}`,
      headers: {
        'content-type': 'application/json',
        'webhook-id': freshId(),
        'webhook-timestamp': nowSeconds(),
        'webhook-signature': `v1,${'A'.repeat(43)}=`,
      },
      body: '{}',
    });

  it('is answered 429 beyond the limit, for this provider only, and says when to come again', async () => {
    await start({ callbackFailuresPerMinute: 3 });
    for (let count = 0; count < 3; count += 1) expect((await forge()).status).toBe(401);
    const answer = await forge();
    expect([answer.status, answer.json.code]).toEqual([429, 'too_many_requests']);
    const seconds = Number(answer.headers['retry-after']);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(20);
    expect(answer.headers['ratelimit-policy']).toBe('"invalid-signatures";q=3;w=60');
    expect(answer.headers.ratelimit).toBe(`"invalid-signatures";r=0;t=${seconds}`);
    expect((await forge('other')).status).toBe(401);
  });

  it('does not keep the genuine ones of the same address out', async () => {
    await start({ callbackFailuresPerMinute: 1 });
    await forge();
    expect((await forge()).status).toBe(429);
    const placed = await api.place();
    expect((await sendCallback(api, captured(placed))).status).toBe(202);
    expect((await api.send({ path: `/v1/orders/${placed.id}` })).json.payment).toBe('captured');
  });

  it('does not slow the genuine ones down: each is answered while thousands are refused', async () => {
    await start();
    let flooding = true;
    let refused = 0;
    const flood = Array.from({ length: 32 }, async () => {
      while (flooding) {
        expect([401, 429]).toContain((await forge()).status);
        refused += 1;
      }
    });
    const latencies: number[] = [];
    for (let count = 0; count < 50; count += 1) {
      const placed = await api.place();
      const startedAt = performance.now();
      expect((await sendCallback(api, captured(placed))).status).toBe(202);
      latencies.push(performance.now() - startedAt);
    }
    flooding = false;
    await Promise.all(flood);
    const median = latencies.sort((one, other) => one - other)[25]!;
    console.info(
      `genuine callbacks took ${median.toFixed(1)} ms in the middle, beside ${refused} refused ones`,
    );
    expect(refused).toBeGreaterThan(50);
    // One that waited behind the flood as a whole would take seconds; far above what a loaded machine needs.
    expect(median).toBeLessThan(2_000);
  });

  it('has no limit where that is switched off', async () => {
    await start({ callbackFailuresPerMinute: 0 });
    const answers = await Promise.all(Array.from({ length: 200 }, () => forge()));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
  });
});

describe('the rate limiter', () => {
  it('gives a caller what a minute holds at once, and then evenly', () => {
    let now = 0;
    const limiter = new RateLimiter(6, () => now);
    const take = (times: number) => Array.from({ length: times }, () => limiter.take('a'));
    expect(take(7)).toEqual([0, 0, 0, 0, 0, 0, 10]);
    now += 4_000;
    expect(take(1)).toEqual([6]);
    now += 6_000;
    expect(take(2)).toEqual([0, 10]);
    now += 600_000;
    expect(take(7)).toEqual([0, 0, 0, 0, 0, 0, 10]);
  });

  it('is not confused by a clock that is set back', () => {
    let now = 1_000_000;
    const limiter = new RateLimiter(1, () => now);
    expect(limiter.take('a')).toBe(0);
    now = 0;
    expect(limiter.take('a')).toBe(60);
    now = 60_000;
    expect(limiter.take('a')).toBe(0);
  });

  it('remembers ten thousand callers at most, those that were active last', () => {
    const limiter = new RateLimiter(1, () => 0);
    limiter.take('first');
    limiter.take('second');
    for (let count = 0; count < 9_998; count += 1) limiter.take(`caller ${count}`);
    expect(limiter.take('first')).toBe(60);
    limiter.take('one more');
    expect(limiter.take('first')).toBe(60);
    expect(limiter.take('second')).toBe(0);
  });
});

describe('the block of an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
    ['::', '0:0:0:0'],
    ['1::', '1:0:0:0'],
    ['', ''],
  ])('%s is in %s', (address, block) => {
    expect(addressBlock(address)).toBe(block);
  });
});
