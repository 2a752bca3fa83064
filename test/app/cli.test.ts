import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import createKnex from 'knex';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { compose } from '../../src/app/composition/container.ts';
import { readConfig } from '../../src/app/config.ts';
import { eventually } from '../support/eventually.ts';
import { placeOrder } from '../support/orders.ts';
import { orderflow, start } from '../support/programs.ts';

let directory = '';
let file = '';
let env: { readonly DATABASE_URL: string };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'orderflow-cli-'));
  file = join(directory, 'orderflow.db');
  env = { DATABASE_URL: `sqlite:${file}` };
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Places orders `o-1`, `o-2`, ... in the database, without publishing anything. */
const placeOrders = async (count: number): Promise<void> => {
  const { orders, homes, broker } = await compose(
    readConfig({ ...env, PAYMENT_DEADLINE_SECONDS: '0' }),
    silentLogger,
  );
  const cause = { tenant: 'default', correlationId: 'c', causationId: 'c', traceparent: null };
  const places = Array.from({ length: count }, (_, index) =>
    orders?.submit({ cause, orderId: `o-${index + 1}`, command: placeOrder() }),
  );
  await Promise.all(places);
  const { pipeline, stores } = homes.of('orders');
  await pipeline.stop();
  await broker.close();
  await stores.close();
};

const change = async (sql: string, ...bindings: readonly string[]): Promise<void> => {
  const tool = createKnex({ client: 'sqlite3', connection: { filename: file }, useNullAsDefault: true });
  await tool.raw(sql, [...bindings]);
  await tool.destroy();
};

describe('the command line', () => {
  it('shows help with examples at every level, and its version', async () => {
    const levels = [
      [],
      ['migrate', 'up'],
      ['migrate', 'down'],
      ['migrate', 'status'],
      ['outbox', 'status'],
      ['outbox', 'retry'],
      ['dead-letters', 'list'],
      ['dead-letters', 'show'],
      ['dead-letters', 'redrive'],
      ['dead-letters', 'discard'],
      ['stock', 'import'],
      ['stock', 'show'],
      ['held', 'list'],
      ['trace'],
      ['relay', 'status'],
      ['relay', 'pause'],
      ['relay', 'resume'],
      ['replay'],
      ['replay', 'follow'],
      ['replay', 'cancel'],
      ['actions', 'list'],
      ['views', 'rebuild'],
      ['demo'],
    ];
    for (const level of levels) {
      const { exitCode, stdout, stderr } = await orderflow([...level, '--help']);
      expect(stdout).toContain(`Usage: ${['orderflow', ...level].join(' ')}`);
      expect(stdout).toContain('Examples:\n  $ ');
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    }
    expect((await orderflow(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  }, 120_000);

  it('answers what it does not know with a message and exit code 2', async () => {
    const mistakes: readonly (readonly [args: readonly string[], said: string])[] = [
      [['frobnicate'], "orderflow: unknown command 'frobnicate'\n"],
      [['migrat'], "orderflow: unknown command 'migrat'\n(Did you mean migrate?)\n"],
      [['outbox', 'frobnicate'], "orderflow: unknown command 'frobnicate'\n"],
      [['outbox', 'status', '--loud'], "orderflow: unknown option '--loud'\n"],
      [['outbox', 'status', 'now'], 'orderflow: too many arguments'],
      [['outbox', 'status', '--limit', '-1'], "orderflow: option '--limit <n>' argument '-1' is invalid."],
      [['demo', '--orders', '0'], 'It must be a whole number from 1 to 10,000,000.'],
      [['demo', '--url', 'ftp://host'], 'It must be an address such as http://127.0.0.1:3000.'],
    ];
    for (const [args, said] of mistakes) {
      const { exitCode, stdout, stderr } = await orderflow(args);
      expect(stderr).toContain(said);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    }
    const nothing = await orderflow([]);
    expect(nothing.stderr).toContain('Usage: orderflow');
    expect(nothing.exitCode).toBe(2);
  });

  it('writes no colours where nobody sees them', async () => {
    const { stderr } = await orderflow(['outbox', 'status'], env);
    expect(stderr).toMatch(/^orderflow: There is no database/);
  });
});

describe('a database that is not there', () => {
  it('is not created by looking at it; the message says what to do', async () => {
    for (const args of [
      ['outbox', 'status'],
      ['outbox', 'retry', '--json'],
      ['views', 'rebuild'],
    ]) {
      expect(await orderflow(args, env)).toEqual({
        exitCode: 1,
        stdout: '',
        stderr:
          `orderflow: There is no database at ${file} yet. "orderflow migrate up" creates it, and so does ` +
          'starting the service; or set DATABASE_URL to the one you mean.\n',
      });
    }
    const status = await orderflow(['migrate', 'status'], env);
    expect(status.stdout).toContain(`${file} does not exist yet; "orderflow migrate up" creates it.`);
    expect(status.stdout).toMatch(/^0001_stores +pending$/m);
    expect(existsSync(file)).toBe(false);
  });

  it('in memory is nothing that another process could look at', async () => {
    const { exitCode, stderr } = await orderflow(['outbox', 'status'], { DATABASE_URL: 'sqlite::memory:' });
    expect(stderr).toContain('DATABASE_URL names a database in memory');
    expect(exitCode).toBe(2);
  });

  it('whose tables are missing is not filled by looking at it', async () => {
    await change('select 1');
    await change('create table other (id integer)');
    const { exitCode, stderr } = await orderflow(['outbox', 'status'], env);
    expect(stderr).toContain('Run "orderflow migrate up" first.');
    expect(exitCode).toBe(1);
  });
});

describe('migrate', () => {
  it('up creates the database and says what it applied; again, there is nothing to do', async () => {
    expect((await orderflow(['migrate', 'up'], env)).stdout).toContain('applied 0001_stores\n');
    expect((await orderflow(['migrate', 'up'], env)).stdout).toBe(`${file} is up to date.\n`);
    const json = JSON.parse((await orderflow(['migrate', 'status', '--json'], env)).stdout) as object;
    expect(json).toMatchObject({ database: file, exists: true, pending: [] });
  });

  it('down destroys nothing without --yes, says what it would, and takes back one step or all', async () => {
    await placeOrders(1);
    for (const args of [['down'], ['down', '--all']]) {
      const asked = await orderflow(['migrate', ...args], env);
      expect(asked.stderr).toMatch(
        /^orderflow: this would take back \d{4}_.* and destroy the data held there/,
      );
      expect(asked.stderr).toContain('--yes');
      expect(asked.exitCode).toBe(2);
    }
    const { applied } = JSON.parse((await orderflow(['migrate', 'status', '--json'], env)).stdout) as {
      readonly applied: readonly string[];
    };
    const one = await orderflow(['migrate', 'down', '--yes', '--json'], env);
    expect(JSON.parse(one.stdout)).toEqual({ database: file, takenBack: applied.slice(-1) });
    const all = await orderflow(['migrate', 'down', '--all', '--yes', '--json'], env);
    expect(JSON.parse(all.stdout)).toEqual({ database: file, takenBack: applied.slice(0, -1).reverse() });
    const none = await orderflow(['migrate', 'down', '--yes'], env);
    expect(none.stdout).toBe(`${file} has no migration to take back.\n`);
    await orderflow(['migrate', 'up'], env);
    expect(JSON.parse((await orderflow(['outbox', 'status', '--json'], env)).stdout)).toMatchObject({
      pending: 0,
    });
  });
});

describe('outbox', () => {
  it('status counts what waits; retry offers again what was set aside', async () => {
    await placeOrders(3);
    await change(
      "update outbox set set_aside_reason = ? where source like '%/o-2'",
      'larger than\nthe broker takes \u001b[31m',
    );
    const status = await orderflow(['outbox', 'status'], env);
    expect(status.exitCode).toBe(0);
    expect(status.stdout).toMatch(/^pending +2 {2}the oldest for /m);
    expect(status.stdout).toMatch(/^held +0$/m);
    expect(status.stdout).toMatch(/^set aside +1 {2}see below$/m);
    expect(status.stdout).toMatch(/^orders\/o-2 +1 {2}order\.placed {2}larger than the broker takes$/m);
    expect(JSON.parse((await orderflow(['outbox', 'status', '--json'], env)).stdout)).toEqual({
      pending: 2,
      held: 0,
      setAside: 1,
      oldestPendingAgeSeconds: expect.any(Number),
      relay: { paused: false, lastSuccessAt: null },
      messages: [
        {
          id: expect.any(String),
          source: '/orderflow/orders/o-2',
          sequence: 1,
          type: 'orderflow.order.placed.v1',
          reason: 'larger than\nthe broker takes \u001b[31m',
        },
      ],
    });
    const short = await orderflow(['outbox', 'status', '--limit', '0'], env);
    expect(short.stdout).toContain('and 1 more; --limit shows them');

    expect((await orderflow(['outbox', 'retry'], env)).stdout).toMatch(/^1 message is offered again/);
    expect((await orderflow(['outbox', 'retry'], env)).stdout).toBe('Nothing was set aside or put off.\n');
    expect(JSON.parse((await orderflow(['outbox', 'status', '--json'], env)).stdout)).toMatchObject({
      pending: 3,
      setAside: 0,
    });
  });
});

describe('dead-letters', () => {
  it('tell what is too large to be sent back, and that a redrive will skip it', async () => {
    await orderflow(['migrate', 'up'], env);
    const stores = await openSqliteStores({
      file,
      migrate: 'check',
      clock: systemClock,
      logger: silentLogger,
    });
    const letter = {
      tenant: 'default',
      queue: 'q',
      reason: 'refused',
      attempts: 1,
      type: 't',
      source: '/a',
      sequence: 1,
      firstSeen: 1,
      foundAt: 1,
      message: '{"payload":"{}"}',
    };
    await stores.deadLetters.keep([
      { ...letter, id: '1', messageId: 'm-1', redrivable: true, error: 'no' },
      { ...letter, id: '2', messageId: 'm-2', redrivable: false, error: 'too large to be sent back: no' },
    ]);
    await stores.close();
    const listed = await orderflow(['dead-letters', 'list'], env);
    expect(listed.stdout).toContain('too large to be sent back');
    const shown = JSON.parse((await orderflow(['dead-letters', 'show', '2'], env)).stdout) as object;
    expect(shown).toMatchObject({ redrivable: false, reason: 'refused', payload: '{}' });
    const preview = ['dead-letters', 'redrive', '--queue', 'q', '--preview'];
    expect((await orderflow(preview, env)).stdout).toBe(
      '1 dead letter would be redriven.\n' +
        '1 dead letter skipped: too large to go through the broker again. "dead-letters show" has the payload, ' +
        '"dead-letters discard" lets what waits behind it go on.\n',
    );
    expect(JSON.parse((await orderflow([...preview, '--json'], env)).stdout)).toEqual({
      total: 1,
      skipped: 1,
    });
  });
});

describe('relay', () => {
  it('pause and resume hold for the database, and are recorded with who did it', async () => {
    await placeOrders(1);
    const never = { paused: false, changedAt: null, changedBy: null };
    expect(JSON.parse((await orderflow(['relay', 'status', '--json'], env)).stdout)).toEqual(never);
    expect((await orderflow(['relay', 'pause'], env)).stdout).toMatch(
      /^The relay is paused since .*, by cli:/,
    );
    expect((await orderflow(['outbox', 'status'], env)).stdout).toContain(
      'The relay is paused: orderflow relay resume',
    );
    const resumed = await orderflow(['relay', 'resume', '--json'], env);
    expect(JSON.parse(resumed.stdout)).toMatchObject({ paused: false });
    const actions = await orderflow(['actions', 'list', '--json'], env);
    expect(JSON.parse(actions.stdout)).toMatchObject([
      { what: 'resume', messages: 0, detail: {} },
      { what: 'pause', who: expect.stringMatching(/^cli:/) },
    ]);
    expect((await orderflow(['actions', 'list', '--limit', '1'], env)).stdout).toMatch(/ resume/);
  });
});

describe('replay', () => {
  it('refuses what it cannot send', async () => {
    await placeOrders(1);
    const unnamed = await orderflow(['replay'], env);
    expect([unnamed.exitCode, unnamed.stderr]).toEqual([
      2,
      'orderflow: Name the queue: --queue orderflow.loyalty.\n',
    ]);
    const unknown = await orderflow(['replay', '--queue', 'q', '--stream', 'orders/o-1', 'orders/none'], env);
    expect([unknown.exitCode, unknown.stderr]).toEqual([
      2,
      expect.stringContaining('There is no event of orders/none.'),
    ]);
    expect(await orderflow(['replay', 'cancel', 'none', '--json'], env)).toMatchObject({
      exitCode: 1,
      stderr: 'orderflow: There is no replay none.\n',
    });
    expect((await orderflow(['actions', 'list'], env)).stdout).toBe('Nobody has done anything yet.\n');
  });

  it('waits for a service to do it; Ctrl-C cancels it, also where it comes twice, and says how to go on', async () => {
    await placeOrders(3);
    const { child, ended, stderr } = start('cli', ['replay', '--queue', 'q', '--from', '1'], env);
    await eventually(async () => {
      const { stdout } = await orderflow(['actions', 'list', '--json'], env);
      expect(JSON.parse(stdout)).toHaveLength(1);
    });
    child.kill('SIGINT');
    // Two of one kind may arrive as one.
    child.kill('SIGTERM');
    const { exitCode, stdout } = await ended;
    const id = /job ([^)]+)\)/.exec(stdout)?.[1] ?? '';
    const again = await orderflow(['replay', 'cancel', id, '--json'], env);
    expect(JSON.parse(again.stdout)).toMatchObject({ id, state: 'cancelled', from: 1, until: 3 });
    expect(stderr()).toMatch(/^replaying: 0\/2 events/m);
    expect([exitCode, stdout]).toEqual([
      1,
      expect.stringMatching(
        /^Cancelled at position 1, after 0 messages .*: orderflow replay --queue q --from 1\n$/,
      ),
    ]);
  });
});

describe('views rebuild', () => {
  it('puts right what was damaged, and finds nothing to do afterwards', async () => {
    await placeOrders(5);
    await change("delete from order_views where order_id = 'o-1'");
    await change("update order_views set document = '{}' where order_id = 'o-2'");
    await change("update order_views set order_id = 'stranger' where order_id = 'o-3'");
    const first = await orderflow(['views', 'rebuild'], env);
    expect(first.stdout).toMatch(/^Done: 5 events, 5 orders in .*; 4 rows put right\.\n$/);
    expect(first.stderr).toMatch(/^rebuilding: 5\/5 events \(100%\)/m);
    expect(JSON.parse((await orderflow(['views', 'rebuild', '--json'], env)).stdout)).toEqual({
      finished: true,
      events: 5,
      orders: 5,
      repaired: 0,
      seconds: expect.any(Number),
    });
  });
});

describe('an output that cannot be written', () => {
  it.skipIf(!existsSync('/dev/full'))('is a failure', async () => {
    await placeOrders(1);
    const cli = fileURLToPath(new URL('../../src/app/cli.ts', import.meta.url));
    const into = (target: string): number | null =>
      spawnSync('sh', ['-c', `"$0" "$1" callbacks list --json > ${target}`, process.execPath, cli], {
        env: { PATH: process.env.PATH, ...env },
      }).status;
    expect(into('/dev/null')).toBe(0);
    expect(into('/dev/full')).toBe(1);
  });
});

describe('demo', () => {
  it('says how to start a service when none answers, and exits with 1', async () => {
    expect(await orderflow(['demo', '--url', 'http://127.0.0.1:1'])).toEqual({
      exitCode: 1,
      stdout: '',
      stderr:
        'orderflow: no service answers at http://127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1). ' +
        'Start one with "npm start", or name another with --url.\n',
    });
  });
});
