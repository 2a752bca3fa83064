import { createTurns } from '../turns.ts';
import type { Session, SqlDialect } from './dialect.ts';
import { closedError, type SqlConnection } from './SqlConnection.ts';
import { TransactionSession } from './TransactionSession.ts';

/**
 * Transactions on the one writing connection, one at a time in the order of the calls. Waiting here costs nothing;
 * waiting in the database would occupy a thread and end in SQLITE_BUSY.
 */
export class SqlWriter {
  readonly #connection: SqlConnection;
  readonly #dialect: SqlDialect;
  readonly #take = createTurns();
  readonly #onCommitted: () => void;
  #closed = false;

  /** `onCommitted` is called after every commit. */
  constructor(connection: SqlConnection, dialect: SqlDialect, onCommitted: () => void = () => undefined) {
    this.#connection = connection;
    this.#dialect = dialect;
    this.#onCommitted = onCommitted;
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
    await this.#connection.query(this.#dialect.begin);
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
