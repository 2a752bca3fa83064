import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeOrderBody } from '../../src/adapters/http/orderBodies.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { DemoClient } from '../../src/app/cli/demo/DemoClient.ts';
import { demoOrder } from '../../src/app/cli/demo/demoOrders.ts';
import { wentWell } from '../../src/app/cli/demo/demoReport.ts';
import { providerKeyIn } from '../../src/app/cli/demo/PaymentProvider.ts';
import { runDemo } from '../../src/app/cli/demo/runDemo.ts';
import { eventStreamParser } from '../../src/app/cli/demo/serverSentEvents.ts';
import { startApp } from '../../src/app/composition/startApp.ts';
import { readConfig } from '../../src/app/config.ts';
import { type Lie, startLyingService } from '../support/lyingService.ts';
import { propertyOptions } from '../support/properties.ts';
import { secretOf } from '../support/webhooks.ts';

const demoAgainst = async (lie: Lie) => {
  const service = await startLyingService(lie);
  const client = new DemoClient(service.url, 8);
  try {
    const { signal } = new AbortController();
    return await runDemo({
      client,
      orders: 80,
      concurrency: 4,
      signal,
      onProgress: () => {},
      seenWithinMs: 500,
    });
  } finally {
    client.close();
    service.close();
  }
};

describe('the demo', () => {
  it('is content with a service that keeps its promises', async () => {
    const report = await demoAgainst('none');
    expect(report).toMatchObject({ placed: 80, cancelled: 10, copies: 16, replayed: 16, surprises: [] });
    expect(report.refused).toEqual(
      new Map([
        ['idempotency_key_reused', 3],
        ['order_state_conflict', 2],
      ]),
    );
    expect(report.seen).toEqual(
      new Map([
        ['placed', 80],
        ['cancelled', 10],
      ]),
    );
    expect(wentWell(report)).toBe(true);
  });

  const lies: readonly (readonly [Lie, object])[] = [
    ['forgets keys', { replayed: 0 }],
    ['loses an event', { unseen: 10 }],
    ['tells the second event first', { unseen: 10 }],
    ['repeats an event', { outOfOrder: 10 }],
    ['refuses nothing', { surprises: expect.toSatisfy((all: readonly string[]) => all.length === 5) }],
  ];
  it.each(lies)('notices a service that %s', async (lie, noticed) => {
    const report = await demoAgainst(lie);
    expect(report).toMatchObject(noticed);
    expect(wentWell(report)).toBe(false);
  });

  it('sends orders that the service takes', () => {
    for (let number = 1; number <= 500; number += 1) {
      expect(placeOrderBody.safeParse(demoOrder('demo-1', number, 50)).error).toBeUndefined();
    }
  });
});

describe('the demo with a payment provider', () => {
  it('shows whole lives of orders at the real service: paid, delivered, out of stock, paid back', async () => {
    const providerKey = { provider: 'demo', secret: secretOf('demo') };
    const config = {
      DATABASE_URL: 'sqlite::memory:',
      PORT: '0',
      CALLBACK_SECRETS: `demo:${providerKey.secret}`,
    };
    const app = await startApp(readConfig(config), silentLogger);
    const client = new DemoClient(new URL(app.url ?? ''), 16);
    try {
      const { signal } = new AbortController();
      const report = await runDemo({
        client,
        orders: 60,
        concurrency: 8,
        providerKey,
        signal,
        onProgress: () => {},
      });
      expect(report.surprises).toEqual([]);
      expect(wentWell(report)).toBe(true);
      expect([...report.ends.values()].reduce((sum, one) => sum + one, 0)).toBe(60);
      const ends = [...report.ends.keys()].join('\n');
      expect(ends).toContain('delivered · stock reserved · payment captured');
      expect(ends).toContain('cancelled: out_of_stock · stock rejected · payment refunded');
      expect(ends).toContain('pending · stock reserved · payment awaiting');
      expect(report.seen.get('orderflow.order.refunded.v1')).toBeGreaterThan(0);
    } finally {
      client.close();
      await app.stop();
    }
  });

  it('takes its name and secret from the variable of the service', () => {
    const secret = secretOf('demo');
    expect(providerKeyIn(`demo:${secret},other:${secretOf('x')}`)).toEqual({ provider: 'demo', secret });
    expect(providerKeyIn(undefined)).toBeUndefined();
    expect(providerKeyIn('demo:secret')).toBeUndefined();
  });
});

describe('the event stream parser', () => {
  it('finds the same events however the stream is cut', () => {
    const event = fc.record({
      id: fc.nat().map(String),
      event: fc.constantFrom('', 'orderflow.order.placed.v1'),
      data: fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => JSON.stringify({ text })),
    });
    const property = fc.property(
      fc.array(event, { maxLength: 8 }),
      fc.constantFrom('\n', '\r\n'),
      fc.array(fc.nat(40), { maxLength: 40 }),
      (events, newline, cuts) => {
        const lines = events.flatMap(({ id, event, data }) => [
          ': a comment',
          `id: ${id}`,
          ...(event === '' ? [] : [`event:${event}`]),
          `data: ${data}`,
          '',
        ]);
        const bytes = Buffer.from(['retry: 2000', '', ...lines, ''].join(newline));
        const parse = eventStreamParser();
        const found = [];
        let from = 0;
        for (const length of cuts) {
          found.push(...parse(bytes.subarray(from, from + length)));
          from += length;
        }
        found.push(...parse(bytes.subarray(from)));
        expect(found).toEqual(events);
      },
    );
    fc.assert(property, propertyOptions({ numRuns: 300 }));
  });
});
