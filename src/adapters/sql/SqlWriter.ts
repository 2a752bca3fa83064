import { setTimeout as sleep } from 'node:timers/promises';
import { createTurns } from '../turns.ts';
import type { Session, SqlDialect } from './dialect.ts';
import { closedError, type SqlConnection } from './SqlConnection.ts';
import { TransactionSession } from './TransactionSession.ts';
import { WriterMemory } from './WriterMemory.ts';

const defaultBusyTimeoutMs = 5_000;
/** Short against a transaction, so that the gap between two of another process is seldom missed. */
const longestPauseMs = 4;

/** Works that share a transaction at most: together they must not keep other processes from writing for long. */
const maxTogether = 32;

interface Waiting {
  /** Does the work, and returns what tells its caller. */
  readonly run: (session: TransactionSession) => Promise<() => void>;
  readonly fail: (reason: unknown) => void;
}

/**
 * Transactions on the one writing connection, one at a time in the order of the calls. Waiting here costs nothing;
 * waiting in the database would occupy a thread and end in SQLITE_BUSY.
 *
 * Works that wait at the same time share one transaction, one after another, and one fsync. When one of them fails,
 * nothing was written yet and nobody was told: each then gets a transaction of its own.
 */
export class SqlWriter {
  readonly memory: WriterMemory;
  readonly #connection: SqlConnection;
  readonly #dialect: SqlDialect;
  readonly #take = createTurns();
  readonly #onCommitted: () => void;
  readonly #busyTimeoutMs: number;
  readonly #waiting: Waiting[] = [];
  #closed = false;

  /** `onCommitted` is called after every commit. Another process's transaction is waited for as long as given. */
  constructor(
    connection: SqlConnection,
    dialect: SqlDialect,
    onCommitted: () => void = () => undefined,
    busyTimeoutMs = defaultBusyTimeoutMs,
  ) {
    this.#connection = connection;
    this.#dialect = dialect;
    this.memory = new WriterMemory(dialect.commitsOfOthers);
    this.#onCommitted = onCommitted;
    this.#busyTimeoutMs = busyTimeoutMs;
  }

  /** Runs `work` in a transaction, with the guarantees of `UnitOfWork.transact`. */
  async write<T>(work: (session: TransactionSession) => Promise<T>): Promise<T> {
    if (this.#closed) throw closedError();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const run = async (session: TransactionSession): Promise<() => void> => {
      const result = await settle(work, session);
      return () => resolve(result);
    };
    this.#waiting.push({ run, fail: reject });
    void this.#take(async () => {
      // Whoever was told of the last commit may go on with the next work at once: let it join.
      await new Promise<void>((resolve) => process.nextTick(resolve));
      await this.#runTogether(this.#waiting.splice(0, maxTogether));
    });
    return promise;
  }

  /** A query between two transactions: for databases whose only connection this is. */
  async read<Row extends object>(...query: Parameters<Session['query']>): Promise<readonly Row[]> {
    if (this.#closed) throw closedError();
    return this.#take(() => this.#connection.query<Row>(...query));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#take(() => this.#connection.close());
  }

  /** Never rejects. No works: an earlier turn has done them. */
  async #runTogether(works: readonly Waiting[]): Promise<void> {
    if (works.length === 0) return;
    try {
      await this.#begin();
    } catch (failure) {
      for (const work of works) work.fail(failure);
      return;
    }
    const sessions: TransactionSession[] = [];
    const tell: (() => void)[] = [];
    try {
      this.memory.begin();
      for (const work of works) {
        const session = new TransactionSession(this.#connection);
        sessions.push(session);
        tell.push(await work.run(session));
      }
      await this.#connection.commit();
    } catch (failure) {
      this.memory.forget();
      await this.#connection.rollback();
      // All works have ended: it was the commit, and that concerns all of them.
      if (works.length === 1 || tell.length === works.length) for (const work of works) work.fail(failure);
      else for (const work of works) await this.#runTogether([work]);
      return;
    }
    for (const session of sessions) session.committed();
    this.#onCommitted();
    for (const resolve of tell) resolve();
  }

  /**
   * SQLite's own wait looks only every 100 ms in the end, and so misses its turn again and again while others write
   * without a pause. Measured with three processes that do so, for 12 s: waits of up to 2.9 s, and of 0.6 s this way.
   */
  async #begin(): Promise<void> {
    const deadline = performance.now() + this.#busyTimeoutMs;
    for (;;) {
      try {
        await this.#connection.query(this.#dialect.begin);
        return;
      } catch (failure) {
        if (!this.#dialect.isBusy(failure) || performance.now() >= deadline) throw failure;
        await sleep(1 + Math.random() * (longestPauseMs - 1));
      }
    }
  }
}

/** The work's own error goes before what doomed the transaction. */
const settle = async <T>(
  work: (session: TransactionSession) => Promise<T>,
  session: TransactionSession,
): Promise<T> => {
  let result: T;
  try {
    result = await work(session);
  } catch (failure) {
    await session.end().catch(() => undefined);
    throw failure;
  }
  await session.end();
  return result;
};
