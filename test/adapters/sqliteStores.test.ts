import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import createKnex from 'knex';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sqliteDialect } from '../../src/adapters/sql/dialects/sqlite.ts';
import { openSqliteStores, type SqliteStoresOptions } from '../../src/adapters/sql/openSqliteStores.ts';
import { SqlConnection } from '../../src/adapters/sql/SqlConnection.ts';
import { SqliteKeyIndex } from '../../src/adapters/sql/SqliteKeyIndex.ts';
import { SqlWriter } from '../../src/adapters/sql/SqlWriter.ts';
import { openReaders, openWriter, type SqliteDriver } from '../../src/adapters/sql/sqliteConnection.ts';
import { createIdempotencyKeeper } from '../../src/adapters/sql/sqliteIdempotency.ts';
import type { TransactionSession } from '../../src/adapters/sql/TransactionSession.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { StoreUnavailable, TransactionConflict } from '../../src/ports/unitOfWork.ts';
import { event, record, stream } from '../contracts/storeFixtures.ts';
import { eventually } from '../support/eventually.ts';

let directory: string;
let file: string;
const opened: Stores[] = [];
const processes: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'orderflow-sqlite-'));
  file = join(directory, 'orderflow.db');
});

afterEach(async () => {
  for (const child of processes.splice(0)) child.kill('SIGKILL');
  for (const stores of opened.splice(0)) await stores.close();
  await rm(directory, { recursive: true, force: true });
});

const open = async (options: Partial<SqliteStoresOptions> = {}): Promise<Stores> => {
  const stores = await openSqliteStores({
    file,
    migrate: 'up',
    clock: systemClock,
    logger: silentLogger,
    ...options,
  });
  opened.push(stores);
  return stores;
};

const append = (stores: Stores, id: string) =>
  stores.unitOfWork.transact((tx) =>
    tx.events.append([{ ...stream(id), expected: 'none', events: [event()] }]),
  );

/** Another process on the same file; `says` resolves with its next line that starts as told. */
const startWriter = async (limits = '') => {
  const script = fileURLToPath(new URL('./sqliteWriterProcess.ts', import.meta.url));
  const child = spawn('/bin/sh', ['-c', `${limits} exec "$0" "$1" "$2"`, process.execPath, script, file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  processes.push(child);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  const says = async (start: string): Promise<string> => {
    for (;;) {
      const at = lines.findIndex((line) => line.startsWith(start));
      if (at >= 0) return lines.splice(at, 1)[0]!;
      if (child.exitCode !== null) throw new Error(`the writer ended before it said "${start}"`);
      await Promise.race([once(reader, 'line'), once(child, 'exit')]);
    }
  };
  await says('ready');
  return {
    says,
    tell: (line: string) => child.stdin.write(`${line}\n`),
    kill: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
};

describe('settings of a connection', () => {
  const pragmas = async (openOne: typeof openWriter, driver: SqliteDriver, names: readonly string[]) => {
    const knex = openOne({ file, driver, createDirectory: false, busyTimeoutMs: 100, logger: silentLogger });
    try {
      const values: unknown[] = [];
      for (const name of names) values.push(Object.values((await knex.raw(`pragma ${name}`))[0])[0]);
      return values;
    } finally {
      await knex.destroy();
    }
  };

  it.each<SqliteDriver>(['sqlite3', 'better-sqlite3'])(
    'are durable after closing and reopening, with %s',
    async (driver) => {
      for (let time = 0; time < 2; time += 1) {
        await append(await open({ driver }), `time-${time}`);
        await opened.pop()?.close();
        const names = ['journal_mode', 'synchronous', 'busy_timeout'];
        expect(await pragmas(openWriter, driver, names)).toEqual(['wal', 2, 100]);
        expect(await pragmas(openReaders, driver, ['synchronous', 'query_only'])).toEqual([2, 1]);
      }
    },
  );

  it.each<SqliteDriver>(['sqlite3', 'better-sqlite3'])(
    'let readers write nothing, with %s',
    async (driver) => {
      await open({ driver });
      const readers = openReaders({
        file,
        driver,
        createDirectory: false,
        busyTimeoutMs: 100,
        logger: silentLogger,
      });
      await expect(readers.raw('delete from events')).rejects.toThrow('readonly');
      await readers.destroy();
    },
  );
});

describe('a second process', () => {
  it('leaves nothing behind of a transaction in which it was killed', async () => {
    const stores = await open();
    const writer = await startWriter();
    writer.tell('hold lost');
    await writer.says('holding');
    await writer.kill();
    expect(await stores.events.readStream(stream('lost'))).toEqual([]);
    await append(stores, 'lost');
    expect(await stores.unitOfWork.transact((tx) => tx.idempotency.find([record('lost')]))).toEqual([]);
    expect(await stores.events.readStream(stream('lost'))).toHaveLength(1);
  });

  // A wait inside better-sqlite3 would keep this process from telling the other to go on.
  it.each<SqliteDriver>(['sqlite3', 'better-sqlite3'])(
    'is read beside while it writes, and waited for by a writer that goes on with its other work, with %s',
    async (driver) => {
      const stores = await open({ driver });
      const writer = await startWriter();
      writer.tell('hold first');
      await writer.says('holding');
      let done = false;
      const waiting = append(stores, 'second').then((result) => {
        done = true;
        return result;
      });
      expect(await stores.events.lastPosition()).toBe(0);
      expect(done).toBe(false);
      writer.tell('commit');
      await writer.says('committed');
      expect(await waiting).toMatchObject({ ok: true });
      expect((await stores.events.readAll(0, 10)).map((one) => one.stream)).toEqual([
        'orders/first',
        'orders/second',
      ]);
    },
  );

  it('makes a writer give up with StoreUnavailable when it holds the database for too long', async () => {
    const stores = await open({ busyTimeoutMs: 50 });
    const writer = await startWriter();
    writer.tell('hold first');
    await writer.says('holding');
    await expect(append(stores, 'second')).rejects.toThrow(StoreUnavailable);
    writer.tell('commit');
    await writer.says('committed');
    expect(await append(stores, 'second')).toMatchObject({ ok: true });
  });

  it('sees the idempotency keys of the first, and the first sees its keys', async () => {
    const stores = await open();
    await stores.unitOfWork.transact((tx) => tx.idempotency.save([record('mine')]));
    const writer = await startWriter();
    writer.tell('hold theirs');
    await writer.says('holding');
    writer.tell('commit');
    await writer.says('committed');
    const found = await stores.unitOfWork.transact((tx) =>
      tx.idempotency.find([record('mine'), record('theirs')]),
    );
    expect(found.map(({ key }) => key).sort()).toEqual(['mine', 'theirs']);
    writer.tell('hold mine');
    expect(await writer.says('refused')).toBe('refused TransactionConflict');
  });
});

describe('a disk that takes no more', () => {
  it('fails the transaction and keeps every one before it', async () => {
    // The shell's unit is 512 bytes: no file may grow beyond 1 MiB.
    const writer = await startWriter('ulimit -f 2048;');
    writer.tell('fill');
    const [, name, count] = /^failed (\w+) after (\d+)$/.exec(await writer.says('failed')) ?? [];
    expect(['StoreUnavailable', 'CommitUnknown']).toContain(name);
    expect(Number(count)).toBeGreaterThan(5);
    await writer.kill();
    const stores = await open();
    const events = await stores.events.readAll(0, 1_000);
    expect(events.length - Number(count)).toBe(0);
    await append(stores, 'after');
  });
});

describe('the log', () => {
  const write = (stores: Stores, id: string) =>
    stores.unitOfWork.transact((tx) =>
      tx.events.append([
        {
          ...stream(id),
          expected: 'none',
          events: Array.from({ length: 100 }, () => event({ text: 'x'.repeat(20_000) })),
        },
      ]),
    );

  it('is copied into the database file soon, not only when it has grown long', async () => {
    const stores = await open();
    await write(stores, 'a');
    await eventually(async () => expect((await stat(file)).size).toBeGreaterThan(2_000_000));
  });

  it('does not grow without end while all go on writing', async () => {
    const stores = await open();
    for (let n = 0; n < 40; n += 1) await write(stores, `${n}`);
    expect((await stat(`${file}-wal`)).size).toBeLessThan(40 * 1024 * 1024);
  });
});

describe('works that wait at the same time', () => {
  const insert = (id: string) => (session: TransactionSession) =>
    session.query('insert into relay_members values (?, 1)', [id]);
  const openCounting = async () => {
    await open();
    const options = { file, driver: 'sqlite3', createDirectory: false, busyTimeoutMs: 100 } as const;
    const commits = { count: 0 };
    const knex = openWriter({ ...options, logger: silentLogger });
    const writer = new SqlWriter(
      new SqlConnection(knex, sqliteDialect),
      sqliteDialect,
      () => {
        commits.count += 1;
      },
      100,
    );
    const members = async () =>
      (await writer.read<{ id: string }>('select owner as id from relay_members order by 1')).map(
        ({ id }) => id,
      );
    return { writer, commits, members };
  };

  it('share one commit', async () => {
    const { writer, commits, members } = await openCounting();
    await Promise.all(['a', 'b', 'c'].map((id) => writer.write(insert(id))));
    expect(await members()).toEqual(['a', 'b', 'c']);
    expect(commits.count).toBe(1);
    await writer.close();
  });

  it('are joined by those who go on as soon as they are told of a commit', async () => {
    const { writer, commits, members } = await openCounting();
    const begun = Promise.withResolvers<void>();
    const first = writer.write(async (session) => {
      await insert('a')(session);
      begun.resolve();
    });
    const next = first.then(async () => {
      // Some way to the next work, as from a caller who is told through several layers.
      for (let step = 0; step < 20; step += 1) await null;
      await writer.write(insert('b'));
    });
    await begun.promise;
    await Promise.all([next, writer.write(insert('c'))]);
    expect(await members()).toEqual(['a', 'b', 'c']);
    expect(commits.count).toBe(2);
    await writer.close();
  });

  it('are each done alone when one of them fails, and what hangs on a commit happens once', async () => {
    const { writer, commits, members } = await openCounting();
    const happened: string[] = [];
    const outcomes = await Promise.allSettled([
      writer.write(async (session) => {
        await insert('a')(session);
        session.onCommitted(() => happened.push('a'));
      }),
      writer.write(async (session) => {
        session.onCommitted(() => happened.push('b'));
        await session.query('insert into no_such_table values (1)');
      }),
      writer.write(insert('c')),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await members()).toEqual(['a', 'c']);
    expect(happened).toEqual(['a']);
    expect(commits.count).toBe(2);
    await writer.close();
  });

  it('all hear it when the database stays locked', async () => {
    const { writer, members } = await openCounting();
    const other = await openCounting();
    const free = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const holding = other.writer.write(() => {
      held.resolve();
      return free.promise;
    });
    await held.promise;
    const outcomes = await Promise.allSettled(['a', 'b'].map((id) => writer.write(insert(id))));
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailable) });
    free.resolve();
    await holding;
    await other.writer.close();
    await writer.write(insert('c'));
    expect(await members()).toEqual(['c']);
    await writer.close();
  });
});

describe('a connection whose rollback failed', () => {
  /** A writer on a connection that the test can break. */
  const openBreakable = async () => {
    await open();
    const raw: { close(): void }[] = [];
    const knex = createKnex({
      client: 'better-sqlite3',
      connection: { filename: file },
      useNullAsDefault: true,
      log: { warn: () => undefined },
      pool: {
        min: 1,
        max: 1,
        afterCreate: (connection: { close(): void }, done: (failure: Error | null) => void) => {
          raw.push(connection);
          done(null);
        },
      },
    });
    const writer = new SqlWriter(new SqlConnection(knex, sqliteDialect), sqliteDialect);
    const breakOff = () =>
      writer.write(async (session) => {
        await session.query("insert into relay_members values ('lost', 1)");
        raw.at(-1)?.close();
        throw new Error('the connection broke');
      });
    return { writer, raw, breakOff };
  };

  it('is replaced by another', async () => {
    const { writer, raw, breakOff } = await openBreakable();
    const count = () => writer.read<{ count: number }>('select count(*) as count from relay_members');
    expect(await count()).toEqual([{ count: 0 }]);
    await expect(breakOff()).rejects.toThrow('the connection broke');
    expect(await count()).toEqual([{ count: 0 }]);
    expect(raw).toHaveLength(2);
    await writer.close();
  });

  it('takes no idempotency key with it that a round had not indexed yet', async () => {
    const { writer, breakOff } = await openBreakable();
    const index = new SqliteKeyIndex(writer, silentLogger, 32);
    const keys = Array.from({ length: 40 }, (_, n) => `key-${n}`);
    const idle = new SqliteKeyIndex(writer, silentLogger, 1_000_000);
    await writer.write((session) =>
      createIdempotencyKeeper(session, sqliteDialect, idle).save(keys.map((key) => record(key))),
    );
    index.grown(10);
    const entries = () =>
      writer.read<{ through: number; count: number }>(
        'select indexed_through as through, (select count(*) from idempotency_hashes) as count from idempotency_progress',
      );
    await eventually(async () => expect((await entries())[0]?.count).toBeGreaterThan(0));
    await expect(breakOff()).rejects.toThrow('the connection broke');
    index.grown(22);
    await eventually(async () => expect(await entries()).toEqual([{ through: 40, count: 40 }]));
    await writer.close();
  });

  it('keeps few keys in memory, also when it only looks up what another process writes', async () => {
    const keysPerRound = 64;
    await open();
    const options = { file, driver: 'sqlite3', createDirectory: false, busyTimeoutMs: 5_000 } as const;
    const [one, other] = [0, 1].map(() => {
      const knex = openWriter({ ...options, logger: silentLogger });
      return new SqlWriter(new SqlConnection(knex, sqliteDialect), sqliteDialect);
    }) as [SqlWriter, SqlWriter];
    const [writing, looking] = [one, other].map(
      (each) => new SqliteKeyIndex(each, silentLogger, keysPerRound),
    );
    const kept = async () =>
      (await other.read<{ count: number }>('select count(*) as count from temp.recent_keys'))[0]?.count;
    for (let n = 0; n < 6_400; n += 32) {
      const keys = Array.from({ length: 32 }, (_, index) => record(`key-${n + index}`));
      await one.write((session) => createIdempotencyKeeper(session, sqliteDialect, writing!).save(keys));
      await other.write((session) => createIdempotencyKeeper(session, sqliteDialect, looking!).find(keys));
    }
    await eventually(async () => expect(await kept()).toBeLessThan(20 * keysPerRound));
    await one.close();
    await other.close();
  });
});

describe('a file that is deleted or replaced while it is in use', () => {
  it('takes nothing more: it would be lost with the process', async () => {
    const stores = await open();
    await append(stores, 'a');
    await stores.ping();
    await rm(file);
    await expect(append(stores, 'b')).rejects.toThrow('was deleted or replaced');
    await expect(stores.ping()).rejects.toThrow(StoreUnavailable);
    await writeFile(file, '');
    await expect(append(stores, 'b')).rejects.toThrow('was deleted or replaced');
  });
});

describe('opening', () => {
  it('creates the directory only when told to', async () => {
    file = join(directory, 'data', 'orderflow.db');
    await expect(open()).rejects.toThrow(`the directory ${join(directory, 'data')} does not exist`);
    await append(await open({ createDirectory: true }), 'a');
  });

  it('says so when the path is a directory', async () => {
    await mkdir(file);
    await expect(open()).rejects.toThrow(`The database ${file} cannot be used: it is not a file.`);
  });

  it('says so when the file is no database', async () => {
    await writeFile(file, 'Dear diary, today I wrote a file that is longer than a page header. '.repeat(20));
    await expect(open()).rejects.toThrow('is not an SQLite database');
  });

  it.skipIf(process.getuid?.() === 0)(
    'says so when the file must not be written (skipped for root, who may)',
    async () => {
      await writeFile(file, '');
      await chmod(file, 0o400);
      await expect(open()).rejects.toThrow('it is not writable for this user');
    },
  );

  it('works for two at once on a new file', async () => {
    const [one, other] = await Promise.all([open(), open()]);
    await append(one, 'a');
    await append(other, 'b');
    expect(await one.events.readAll(0, 10)).toHaveLength(2);
  });
});

describe('idempotency keys, indexed in rounds', () => {
  const keysPerIndexRound = 64;
  const save = (stores: Stores, ...keys: readonly string[]) =>
    stores.unitOfWork.transact((tx) => tx.idempotency.save(keys.map((key) => record(key))));
  const names = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => `key-${from + index}`);

  it('are found and refused at every moment of many rounds, also after reopening and beside another process', async () => {
    let stores = await open({ keysPerIndexRound });
    const other = await open({ keysPerIndexRound });
    for (let n = 0; n < 600; n += 12) {
      await save(n % 5 === 0 ? other : stores, ...names(n, n + 12));
      const found = await stores.unitOfWork.transact((tx) =>
        tx.idempotency.find(names(0, n + 24).map((key) => record(key))),
      );
      expect(found).toHaveLength(n + 12);
      await expect(save(stores, `new-${n}`, `key-${Math.floor(n / 2)}`)).rejects.toThrow(TransactionConflict);
      if (n % 108 === 0) {
        await stores.close();
        stores = await open({ keysPerIndexRound });
      }
    }
  });

  it('leave the index with their rows', async () => {
    const stores = await open({ keysPerIndexRound });
    for (let n = 0; n < 640; n += 64) await save(stores, ...names(n, n + 64));
    expect(await stores.idempotencyCleaner.deleteOlderThan(2_000, 10_000)).toBe(640);
    for (let n = 640; n < 1_280; n += 8) await save(stores, ...names(n, n + 8));
    await stores.close();
    const knex = openReaders({
      file,
      driver: 'sqlite3',
      createDirectory: false,
      busyTimeoutMs: 100,
      logger: silentLogger,
    });
    const [entries] = await knex.raw(
      'select count(*) as count, min(row_no) as oldest from idempotency_hashes',
    );
    await knex.destroy();
    expect(entries.count).toBeGreaterThan(300);
    expect(entries.oldest).toBeGreaterThan(640);
  });
});
