import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import createKnex, { type Knex } from 'knex';
import type { Logger } from '../../ports/logger.ts';
import { StoreUnavailable } from '../../ports/unitOfWork.ts';

export type SqliteDriver = 'sqlite3' | 'better-sqlite3';

export interface SqliteFile {
  /** A path, or `:memory:`. */
  readonly file: string;
  readonly driver: SqliteDriver;
  /** Make the file's directory when it is missing. */
  readonly createDirectory: boolean;
  /** How long to wait while another process writes. */
  readonly busyTimeoutMs: number;
  readonly logger: Logger;
}

export const isMemory = (file: string): boolean => file === ':memory:';

// Measured with 200 orders per transaction: 8 KiB pages commit in 1.5 ms and take 337 MB per 100,000 orders, 4 KiB
// pages 1.8 ms and 357 MB, 16 KiB pages 1.5 ms and 321 MB, but a small transaction then writes twice as much.
const pageSize = 8192;
// A commit that finds a log of 32 MiB finishes what the checkpoints beside it have left.
const checkpointPages = 4000;
const writerCacheKiB = 40 * 1024;
const readerCacheKiB = 8 * 1024;
/** Connections that `openReaders` hands out at most. */
export const readerCount = 2;

/** One connection that writes; every connection that knex ever makes for it is set up and checked. */
export const openWriter = (options: SqliteFile): Knex => {
  const { file, driver, createDirectory, busyTimeoutMs, logger } = options;
  if (!isMemory(file)) requireWritable(file, createDirectory);
  const journal = isMemory(file) ? 'memory' : 'wal';
  return createKnex({
    ...common(logger),
    client: driver,
    connection: { filename: file },
    pool: poolOf(1, async (run) => {
      await run(`busy_timeout = ${busyTimeoutMs}`);
      await run(`page_size = ${pageSize}`);
      await whileBusy(busyTimeoutMs, () => demand(run, 'journal_mode', 'wal', journal));
      // FULL fsyncs the log at every commit. Builds differ in what they default to, some reopen a WAL database with
      // NORMAL, and that may lose commits with the power (https://sqlite.org/pragma.html#pragma_synchronous).
      await demand(run, 'synchronous', 'full', 2);
      await run(`cache_size = -${writerCacheKiB}`);
      await run(`wal_autocheckpoint = ${checkpointPages}`);
      await run('temp_store = memory');
    }),
  });
};

/** Connections that only read, beside the writer. */
export const openReaders = ({ file, driver, busyTimeoutMs, logger }: SqliteFile): Knex =>
  createKnex({
    ...common(logger),
    client: driver,
    connection:
      driver === 'sqlite3'
        ? { filename: `${pathToFileURL(resolve(file)).href}?mode=ro`, flags: ['OPEN_URI'] }
        : { filename: file, options: { readonly: true } },
    pool: poolOf(readerCount, async (run) => {
      await run(`busy_timeout = ${busyTimeoutMs}`);
      await demand(run, 'synchronous', 'full', 2);
      await demand(run, 'query_only', 'on', 1);
      await run(`cache_size = -${readerCacheKiB}`);
    }),
  } as Knex.Config);

/** A connection that moves pages from the log to the database file, and does nothing else. */
export const openCheckpointer = ({ file, driver, logger }: SqliteFile): Knex =>
  createKnex({
    ...common(logger),
    client: driver,
    connection: { filename: file },
    pool: poolOf(1, (run) => demand(run, 'synchronous', 'full', 2)),
  });

const common = (logger: Logger) => ({
  useNullAsDefault: true,
  // An error then names the statement, not the values: those may be personal.
  compileSqlOnError: false,
  acquireConnectionTimeout: 30_000,
  // What knex warns of is thrown as well.
  log: { warn: (message: unknown) => logger.debug({ library: 'knex' }, String(message)) },
});

type Run = (pragma: string) => Promise<unknown>;

/** Two processes that make one database at once meet at the switch to WAL, for which SQLite's own wait is not enough. */
const whileBusy = async (timeoutMs: number, work: () => Promise<void>): Promise<void> => {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await work();
    } catch (failure) {
      const busy = failure instanceof Error && 'code' in failure && failure.code === 'SQLITE_BUSY';
      if (!busy || performance.now() >= deadline) throw failure;
      await sleep(busyPauseMs);
    }
  }
};

const busyPauseMs = 5;

/** Sets a pragma and reads it back: SQLite answers a setting that it does not take with silence. */
const demand = async (run: Run, pragma: string, value: string, expected: string | number): Promise<void> => {
  await run(`${pragma} = ${value}`);
  const actual = await run(pragma);
  if (actual !== expected) {
    throw new StoreUnavailable(`SQLite runs with ${pragma} ${String(actual)} where ${expected} is required`);
  }
};

/** What sqlite3 and better-sqlite3 have in common is little. */
interface RawConnection {
  pragma?(source: string, options: { simple: boolean }): unknown;
  get?(
    sql: string,
    callback: (failure: Error | null, row: Record<string, unknown> | undefined) => void,
  ): unknown;
}

const runOn =
  (connection: RawConnection): Run =>
  (pragma) => {
    if (connection.pragma !== undefined) return Promise.resolve(connection.pragma(pragma, { simple: true }));
    return new Promise((done, fail) => {
      connection.get?.(`pragma ${pragma}`, (failure, row) =>
        failure === null ? done(row === undefined ? undefined : Object.values(row)[0]) : fail(failure),
      );
    });
  };

const poolOf = (size: number, prepare: (run: Run) => Promise<void>): Knex.PoolConfig => ({
  min: size === 1 ? 1 : 0,
  max: size,
  afterCreate: (connection: RawConnection, done: (failure: Error | null) => void) => {
    prepare(runOn(connection)).then(() => done(null), done);
  },
});

/** SQLite says "unable to open database file" to all of these. */
export const requireWritable = (file: string, createDirectory: boolean): void => {
  const path = resolve(file);
  const directory = dirname(path);
  if (createDirectory)
    attempt(path, `${directory} cannot be created`, () => mkdirSync(directory, { recursive: true }));
  if (!existsSync(directory)) refuse(path, `the directory ${directory} does not exist`);
  attempt(path, `the directory ${directory} is not writable for this user`, () => checkAccess(directory));
  if (!existsSync(path)) return;
  if (!statSync(path).isFile()) refuse(path, 'it is not a file');
  attempt(path, 'it is not writable for this user', () => checkAccess(path));
};

const checkAccess = (path: string): void => accessSync(path, constants.R_OK | constants.W_OK);

const attempt = (path: string, why: string, action: () => void): void => {
  try {
    action();
  } catch (failure) {
    refuse(path, why, failure);
  }
};

const refuse = (path: string, why: string, cause?: unknown): never => {
  throw new StoreUnavailable(`The database ${path} cannot be used: ${why}.`, { cause });
};
