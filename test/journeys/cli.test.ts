import { once } from 'node:events';
import { join } from 'node:path';
import createKnex from 'knex';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { inDirectory, orderflow, start } from '../support/programs.ts';
import { type ServerProcess, startServer } from '../support/serverProcess.ts';

const serverIn = (directory: string, port = '0'): Promise<ServerProcess> =>
  startServer({ DATABASE_URL: `sqlite:${join(directory, 'orderflow.db')}`, PORT: port, LOG_LEVEL: 'info' });

interface DemoJson {
  readonly wentWell: boolean;
  readonly placed: number;
  readonly repeated: number;
  readonly seen: Readonly<Record<string, number>>;
}

it('the demo shows what was accepted, replayed, refused and seen, beside operators at work', () =>
  inDirectory(async (directory) => {
    const server = await serverIn(directory);
    const env = { DATABASE_URL: `sqlite:${join(directory, 'orderflow.db')}` };
    try {
      const demo = start('cli', ['demo', '--url', server.url, '--orders', '200']);
      const status = JSON.parse((await orderflow(['outbox', 'status', '--json'], env)).stdout) as object;
      expect(status).toMatchObject({ held: 0, setAside: 0, messages: [] });
      const { exitCode, stdout, stderr } = await demo.ended;
      expect(stderr).toMatch(/^placing: 200\/200 orders \(100%\)/m);
      expect(stdout).toMatch(/^orders +200 {2}accepted$/m);
      expect(stdout).toMatch(/^copies with the same key +40 {2}replayed: 40, byte for byte$/m);
      expect(stdout).toMatch(/^a key for another order +8 {2}refused: idempotency_key_reused$/m);
      expect(stdout).toMatch(/^orderflow\.order\.placed\.v1 +200$/m);
      expect(stdout).toMatch(/answers took .* ms at the median \(p50\), .* ms at p99/);
      expect(stdout).toContain('✔ every accepted change was seen in the event stream');
      expect(stdout).toContain("✔ each order's events were seen in order, every one once");
      expect(exitCode).toBe(0);

      const down = await orderflow(['migrate', 'down', '--all', '--yes'], env);
      expect(down).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('a service is using') as string,
      });
      expect((await fetch(`${server.url}/v1/orders?limit=1`)).status).toBe(200);
    } finally {
      expect(await server.stop()).toBe(0);
    }
  }));

it(
  'the demo finds nothing lost and nothing done twice when the service is killed under it',
  () =>
    inDirectory(async (directory) => {
      let server = await serverIn(directory);
      const { port } = new URL(server.url);
      try {
        const demo = start('cli', ['demo', '--url', server.url, '--orders', '1500', '--json']);
        await eventually(async () => {
          const answer = await fetch(`${server.url}/v1/orders?limit=50`);
          const { items } = (await answer.json()) as { readonly items: readonly unknown[] };
          expect(items).toHaveLength(50);
        });
        await server.kill();
        expect(demo.child.exitCode).toBeNull();
        server = await serverIn(directory, port);
        const { exitCode, stdout } = await demo.ended;
        const report = JSON.parse(stdout) as DemoJson;
        expect(report).toMatchObject({
          wentWell: true,
          placed: 1500,
          surprises: [],
          unseen: 0,
          outOfOrder: 0,
        });
        expect(report.repeated).toBeGreaterThan(0);
        expect(report.seen['orderflow.order.placed.v1']).toBe(1500);
        expect(exitCode).toBe(0);
      } finally {
        await server.stop();
      }
    }),
  90_000,
);

it(
  'the views are rebuilt beside a service that writes, also after a rebuild was killed',
  () =>
    inDirectory(async (directory) => {
      const file = join(directory, 'orderflow.db');
      const env = { DATABASE_URL: `sqlite:${file}` };
      const server = await serverIn(directory);
      try {
        const filled = await orderflow(['demo', '--url', server.url, '--orders', '2000', '--json']);
        expect(JSON.parse(filled.stdout)).toMatchObject({ wentWell: true });
        const tool = createKnex({
          client: 'sqlite3',
          connection: { filename: file },
          useNullAsDefault: true,
        });
        await tool.raw(
          "update order_views set document = '{}', status = 'lost' where first_position % 2 = 0",
        );
        await tool.raw('delete from order_views where first_position % 3 = 0');
        const damaged = async () => {
          const [row] = await tool('order_views').where({ status: 'lost' }).count({ count: '*' });
          return Number(row?.count);
        };
        const before = await damaged();
        expect(before).toBeGreaterThan(500);

        const demo = start('cli', ['demo', '--url', server.url, '--orders', '600', '--json']);
        const killed = start('cli', ['views', 'rebuild'], env);
        await eventually(async () => expect(await damaged()).toBeLessThan(before), { intervalMs: 1 });
        killed.child.kill('SIGKILL');
        await once(killed.child, 'exit');
        const rebuilt = await orderflow(['views', 'rebuild', '--json'], env);
        expect(JSON.parse(rebuilt.stdout)).toMatchObject({ finished: true });
        const placing = await demo.ended;
        expect(JSON.parse(placing.stdout)).toMatchObject({ wentWell: true, placed: 600 });
        expect(await damaged()).toBe(0);
        const again = await orderflow(['views', 'rebuild', '--json'], env);
        expect(JSON.parse(again.stdout)).toMatchObject({ finished: true, orders: 2600, repaired: 0 });
        await tool.destroy();
      } finally {
        await server.stop();
      }
    }),
  90_000,
);

it(
  'a rebuild that is interrupted says how far it came, and ends with 1',
  () =>
    inDirectory(async (directory) => {
      const server = await serverIn(directory);
      const env = { DATABASE_URL: `sqlite:${join(directory, 'orderflow.db')}` };
      try {
        await orderflow(['demo', '--url', server.url, '--orders', '1500', '--json']);
        const tool = createKnex({
          client: 'sqlite3',
          connection: { filename: join(directory, 'orderflow.db') },
          useNullAsDefault: true,
          pool: { min: 1, max: 1 },
        });
        // A writer of another process that holds the lock makes the rebuild wait: time to interrupt it.
        await tool.raw('begin immediate');
        const rebuild = start('cli', ['views', 'rebuild'], env);
        await eventually(() => expect(rebuild.stderr()).toContain('rebuilding'));
        rebuild.child.kill('SIGINT');
        await tool.raw('rollback');
        await tool.destroy();
        const { exitCode, stdout } = await rebuild.ended;
        expect(stdout).toMatch(/^Stopped after .* events, .* Run it again to finish\.\n$/);
        expect(exitCode).toBe(1);
      } finally {
        await server.stop();
      }
    }),
  60_000,
);
