import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DatabaseInUse } from '../../src/adapters/sql/processLock.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { type Composition, compose } from '../../src/app/composition/container.ts';
import { startApp } from '../../src/app/composition/startApp.ts';
import { tokens } from '../../src/app/composition/tokens.ts';
import { type Config, type Context, readConfig } from '../../src/app/config.ts';
import { eventually } from '../support/eventually.ts';
import { placeOrder } from '../support/orders.ts';
import { inDirectory } from '../support/programs.ts';

/** Nothing listens on port 1. */
const awayBroker = 'amqp://guest:guest@127.0.0.1:1';

const configurations: readonly (readonly [name: string, configOf: (directory: string) => Config])[] = [
  'memory:',
  awayBroker,
].flatMap((broker) => {
  const name = broker === awayBroker ? 'RabbitMQ that is away' : 'the in-memory broker';
  const config = (url: string) =>
    readConfig({
      DATABASE_URL: url,
      BROKER_URL: broker,
      PORT: '0',
      PAYMENT_DEADLINE_SECONDS: '0',
      SHUTDOWN_TIMEOUT_SECONDS: '3',
    });
  return [
    [
      `an SQLite file and ${name}`,
      (directory: string) => config(`sqlite:${join(directory, 'orderflow.db')}`),
    ],
    [`SQLite in memory and ${name}`, () => config('sqlite::memory:')],
  ] as const;
});

describe.each(configurations)('%s', (_name, configOf) => {
  it('are composed: every root is there, and works or closes', () =>
    inDirectory(async (directory) => {
      const roots = await compose(configOf(directory), silentLogger);
      try {
        for (const [name, root] of Object.entries(roots)) expect(root, name).toBeTypeOf('object');
        await expect(roots.homes.of('orders').stores.ping()).resolves.toBeUndefined();
        expect(await placeAnOrder(roots)).toMatchObject({
          kind: 'done',
          outcome: { kind: 'accepted', order: { version: 1 } },
        });
        expect(await roots.orders?.list({ tenant: 'default', limit: 10 })).toHaveLength(1);
      } finally {
        await close(roots);
      }
    }));

  it('are composed once: whoever asks gets the same', () =>
    inDirectory(async (directory) => {
      const roots = await compose(configOf(directory), silentLogger);
      try {
        const { commits, stores } = roots.homes.of('orders');
        const before = commits.count;
        await placeAnOrder(roots);
        expect(commits.count).toBe(before + 1);
        expect((await stores.outbox.stats(Date.now())).pending).toBe(1);
      } finally {
        await close(roots);
      }
    }));

  it('start, serve and stop', () =>
    inDirectory(async (directory) => {
      const app = await startApp(configOf(directory), silentLogger);
      expect((await fetch(`${app.url}/readyz`)).status).toBe(200);
      await app.stop();
      await expect(fetch(`${app.url}/livez`)).rejects.toThrow();
      await app.stop();
    }));
});

describe('the composition', () => {
  it('gives every part a name of its own', () => {
    expect(new Set(Object.values(tokens)).size).toBe(Object.keys(tokens).length);
  });

  it('starts no HTTP server without the role api', async () => {
    const app = await startApp(readConfig({ DATABASE_URL: 'sqlite::memory:', ROLES: 'relay' }), silentLogger);
    expect(app.url).toBeNull();
    await app.stop();
  });

  describe('of contexts with databases of their own', () => {
    const apart = (directory: string, roles: string, broker = awayBroker) =>
      readConfig({
        DATABASE_URL: `sqlite:${join(directory, 'orders.db')}`,
        INVENTORY_DATABASE_URL: `sqlite:${join(directory, 'inventory.db')}`,
        BROKER_URL: broker,
        ROLES: roles,
        PORT: '0',
        SHUTDOWN_TIMEOUT_SECONDS: '3',
      });
    const expectFiles = (roles: string, expected: { readonly made: object; readonly served: object }) =>
      inDirectory(async (directory) => {
        const app = await startApp(apart(directory, roles), silentLogger);
        const served = app.composition.homes.all
          .filter(({ isServed }) => isServed)
          .map(({ database }) => basename(database.file));
        await app.stop();
        const made = (await readdir(directory)).filter((name) => name.endsWith('.db'));
        expect({ made, served }).toEqual(expected);
      });

    it('opens none that it has nothing to do with', async () => {
      await expectFiles('inventory', { made: ['inventory.db'], served: ['inventory.db'] });
      await expectFiles('relay,orders', { made: ['orders.db'], served: ['orders.db'] });
    });

    it('publishes what is written to a context’s own database, and to that of the orders with the role relay', () =>
      expectFiles('api', { made: ['inventory.db', 'orders.db'], served: ['inventory.db'] }));

    it('says of a database that it does not publish from that others do', () =>
      inDirectory(async (directory) => {
        const app = await startApp(apart(directory, 'api'), silentLogger);
        const { homes } = app.composition;
        const stateOf = async (context: Context) => (await homes.of(context).operations.outbox()).relay.state;
        await eventually(async () => expect(await stateOf('inventory')).toBe('waiting_for_broker'));
        expect(await stateOf('orders')).toBe('elsewhere');
        await homes.of('orders').operations.pauseRelay({ tenant: 'default', who: 'ann' }, true);
        expect(await stateOf('orders')).toBe('paused');
        await app.stop();
      }));

    it('takes every one of them for itself with the in-memory broker', () =>
      inDirectory(async (directory) => {
        const app = await startApp(apart(directory, 'relay,inventory', 'memory:'), silentLogger);
        const other = readConfig({
          DATABASE_URL: `sqlite:${join(directory, 'inventory.db')}`,
          ROLES: 'relay',
        });
        await expect(startApp(other, silentLogger)).rejects.toBeInstanceOf(DatabaseInUse);
        await app.stop();
      }));
  });

  it('leaves nothing open when it cannot listen', () =>
    inDirectory(async (directory) => {
      const file = `sqlite:${join(directory, 'orderflow.db')}`;
      const first = await startApp(readConfig({ DATABASE_URL: 'sqlite::memory:', PORT: '0' }), silentLogger);
      const port = new URL(first.url ?? '').port;
      await expect(
        startApp(readConfig({ DATABASE_URL: file, PORT: port }), silentLogger),
      ).rejects.toMatchObject({
        code: 'EADDRINUSE',
      });
      await first.stop();
      const second = await startApp(readConfig({ DATABASE_URL: file, PORT: '0' }), silentLogger);
      await second.stop();
    }));
});

const placeAnOrder = ({ orders }: Composition) =>
  orders?.submit({
    cause: { tenant: 'default', correlationId: 'c', causationId: 'c', traceparent: null },
    orderId: 'o-1',
    command: placeOrder(),
  });

const close = async ({ homes, broker }: Composition): Promise<void> => {
  for (const { pipeline } of homes.all) await pipeline.stop();
  await broker.close();
  for (const { stores } of homes.all) await stores.close();
};
