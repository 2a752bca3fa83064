import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { startApp } from '../../src/app/composition/startApp.ts';
import { readConfig } from '../../src/app/config.ts';
import { causalTree, type TraceNode } from '../../src/app/tracing/causalTree.ts';
import type { RecordedEvent } from '../../src/ports/eventStore.ts';
import type { TracedMessage } from '../../src/ports/messageTrace.ts';
import { waiting } from '../contracts/storeFixtures.ts';
import { eventually } from '../support/eventually.ts';
import { inDirectory, orderflow } from '../support/programs.ts';
import { recordingLogger } from '../support/recordingLogger.ts';

const start = Date.parse('2026-01-01T00:00:00.000Z');

const event = (id: string, causationId: string, afterMs: number): RecordedEvent => ({
  tenant: 'default',
  stream: 'orders/o-1',
  version: afterMs + 1,
  position: afterMs + 1,
  id,
  type: 'Happened',
  schemaVersion: 1,
  time: new Date(start + afterMs).toISOString(),
  data: {},
  correlationId: 'request',
  causationId,
  traceparent: null,
});

const message = (id: string, changes: Partial<TracedMessage> = {}): TracedMessage => ({
  id,
  source: '/orderflow/orders/o-1',
  sequence: 1,
  type: `orderflow.${id}.v1`,
  causationId: null,
  correlationId: null,
  addedAt: start,
  dueAt: 0,
  publishedAt: null,
  setAsideReason: null,
  ...changes,
});

const nothing = { events: [], messages: [], gates: [], waiting: [] };

/** Each node's id with those below it. */
const shape = (nodes: readonly TraceNode[]): unknown[] =>
  nodes.map(({ id, children }) => (children.length === 0 ? id : [id, ...shape(children)]));

describe('a causal tree', () => {
  it('puts what happened under what caused it, in the order of time', () => {
    const events = [
      event('c', 'b', 3),
      event('b', 'a', 2),
      event('d', 'a', 1),
      event('a', 'request', 0),
      event('e', 'later', 9),
    ];
    expect(shape(causalTree({ ...nothing, events }))).toEqual([
      ['request', ['a', 'd', ['b', 'c']]],
      ['later', 'e'],
    ]);
  });

  it('has the tasks between what ordered them and what they did', () => {
    const events = [event('a', 'request', 0), event('b', 'task', 5)];
    const messages = [message('task', { causationId: 'request', addedAt: start + 1 })];
    expect(shape(causalTree({ ...nothing, events, messages }))).toEqual([['request', 'a', ['task', 'b']]]);
  });

  it('tells of a message when it went, who has handled it, and who keeps it and why', () => {
    const source = '/orderflow/orders/o-1';
    const [root] = causalTree({
      events: [event('a', 'request', 0)],
      messages: [message('a', { publishedAt: start + 4, sequence: 2 })],
      gates: [
        { consumer: 'loyalty', tenant: 'default', source, sequence: 1 },
        { consumer: 'inventory', tenant: 'default', source, sequence: 2 },
      ],
      waiting: [
        waiting(source, 2, { consumer: 'loyalty', messageId: 'a', state: 'retrying', error: 'not now' }),
      ],
    });
    expect(root?.children[0]).toMatchObject({
      type: 'orderflow.a.v1',
      message: {
        publishedAt: start + 4,
        handledBy: ['inventory'],
        keptBy: [{ consumer: 'loyalty', state: 'retrying', error: 'not now', attempts: 0 }],
      },
    });
  });
});

describe('orderflow trace', () => {
  const place = async (url: string | null, requestId: string): Promise<string> => {
    const response = await fetch(`${url}/v1/orders`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'Idempotency-Key': requestId,
        'X-Request-Id': requestId,
      },
      body: JSON.stringify({
        customerId: 'c-42',
        currency: 'EUR',
        lines: [{ sku: 'tea-100', quantity: 2, unitPrice: 1299 }],
      }),
    });
    return ((await response.json()) as { id: string }).id;
  };

  it('has its counterpart in the log: every line that follows from a request names it', () =>
    inDirectory(async (directory) => {
      const logger = recordingLogger();
      const env = { DATABASE_URL: `sqlite:${directory}/orderflow.db`, PORT: '0' };
      const app = await startApp(readConfig(env), logger);
      try {
        await place(app.url, 'my-request');
        const lines = () =>
          logger.entries
            .filter(({ fields }) => 'correlationId' in fields && fields.correlationId === 'my-request')
            .map(({ message: said, fields }) =>
              'consumer' in fields ? `${said} by ${fields.consumer}` : said,
            );
        const handled = ['orders', 'inventory', 'loyalty'].map((name) => `a message was handled by ${name}`);
        await eventually(() => expect(lines()).toEqual(expect.arrayContaining(['answered', ...handled])));
      } finally {
        await app.stop();
      }
    }));

  it('draws what an order led to, by its own id or by that of the request', () =>
    inDirectory(async (directory) => {
      const env = { DATABASE_URL: `sqlite:${directory}/orderflow.db` };
      const app = await startApp(readConfig({ ...env, PORT: '0' }), silentLogger);
      try {
        const id = await place(app.url, 'my-request');
        await place(app.url, 'another-request');
        await eventually(async () => {
          const { stdout, exitCode } = await orderflow(['trace', id], env);
          expect(exitCode).toBe(0);
          expect(stdout).toMatch(/^request my-request {2}trace [0-9a-f]{32} {2}\d{4}-.*Z\n/);
          expect(stdout).toMatch(new RegExp(`─ order\\.placed orders/${id} v1 {2}\\+0 ms {2}published \\+`));
          expect(stdout).toMatch(/─ task\.expire-order {2}\+\d+ ms {2}due \d{4}-/);
          expect(stdout).not.toContain('another-request');
        });
        const byRequest = await orderflow(['trace', '--request', 'my-request', '--json'], env);
        const [root] = JSON.parse(byRequest.stdout) as TraceNode[];
        const expected = {
          kind: 'cause',
          id: 'my-request',
          children: expect.arrayContaining([expect.objectContaining({ stream: `orders/${id}`, version: 1 })]),
        };
        expect(root).toMatchObject(expected);
        const traceId = root?.traceparent?.split('-')[1] ?? '';
        const byTrace = await orderflow(['trace', '--request', traceId, '--json'], env);
        expect(JSON.parse(byTrace.stdout)).toEqual([expect.objectContaining(expected)]);
        expect(await orderflow(['trace', 'nobody'], env)).toMatchObject({
          exitCode: 1,
          stdout: '',
          stderr: 'orderflow: There is no order nobody in this database.\n',
        });
      } finally {
        await app.stop();
      }
    }));
});
