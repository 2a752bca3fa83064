import { setTimeout as sleep } from 'node:timers/promises';
import { createTurns } from '../turns.ts';
import type { Session, SqlDialect } from './dialect.ts';
import { closedError, type SqlConnection } from './SqlConnection.ts';
import { TransactionSession } from './TransactionSession.ts';

const defaultBusyTimeoutMs = 5_000;
/** Short against a transaction, so that the gap between two of another process is seldom missed. */
const longestPauseMs = 4;

/**
 * Transactions on the one writing connection, one at a time in the order of the calls. Waiting here costs nothing;
 * waiting in the database would occupy a thread and end in SQLITE_BUSY.
 */
export class SqlWriter {
  readonly #connection: SqlConnection;
  readonly #dialect: SqlDialect;
  readonly #take = createTurns();
  readonly #onCommitted: () => void;
  readonly #busyTimeoutMs: number;
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
    this.#onCommitted = onCommitted;
    this.#busyTimeoutMs = busyTimeoutMs;
  }

  /** Runs `work` in a transaction, with the guarantees of `UnitOfWork.transact`. */
  async write<T>(work: (session: TransactionSession) => Promise<T>): Promise<T> {
    if (this.#closed) throw closedError();
    return this.#take(() => this.#run(work));
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

  async #run<T>(work: (session: TransactionSession) => Promise<T>): Promise<T> {
    await this.#begin();
    const session = new TransactionSession(this.#connection);
    let result: T;
    try {
      result = await settle(work, session);
      await this.#connection.commit();
    } catch (failure) {
      await this.#connection.rollback();
      throw failure;
    }
    session.committed();
    this.#onCommitted();
    return result;
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
