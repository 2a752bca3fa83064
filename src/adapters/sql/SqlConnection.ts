import type { Knex } from 'knex';
import { StoreUnavailable } from '../../ports/unitOfWork.ts';
import type { KeptStatements, Session, SqlDialect, SqlValue } from './dialect.ts';

/**
 * One connection, taken from knex's pool and kept, with its statements. One that is in an unknown state after a failed
 * rollback is thrown away, and the next query opens another.
 */
export class SqlConnection implements Session {
  readonly #knex: Knex;
  readonly #dialect: SqlDialect;
  readonly #onConnect: readonly string[];
  #opened: Promise<Opened> | undefined;
  #closed = false;

  /** `onConnect` is run on every new connection. */
  constructor(knex: Knex, dialect: SqlDialect, onConnect = dialect.onConnect) {
    this.#knex = knex;
    this.#dialect = dialect;
    this.#onConnect = onConnect;
  }

  async query<Row extends object>(sql: string, bindings: readonly SqlValue[] = []): Promise<readonly Row[]> {
    try {
      return await this.#run(sql, bindings);
    } catch (failure) {
      throw translated(failure, this.#dialect);
    }
  }

  async commit(): Promise<void> {
    try {
      await this.#run('commit', []);
    } catch (failure) {
      throw this.#dialect.translateCommit(failure);
    }
  }

  /** Never rejects: what cannot be rolled back is lost with its connection. */
  async rollback(): Promise<void> {
    try {
      await this.#run('rollback', []);
    } catch (failure) {
      // After a full disk or an I/O error SQLite has rolled back by itself (https://sqlite.org/lang_transaction.html).
      if (failure instanceof Error && failure.message.includes('no transaction is active')) return;
      await this.#release('the rollback failed');
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#release();
    await this.#knex.destroy();
  }

  async #run<Row extends object>(sql: string, bindings: readonly SqlValue[]): Promise<readonly Row[]> {
    if (this.#closed) throw closedError();
    this.#opened ??= this.#open();
    const { connection, statements } = await this.#opened;
    if (statements !== undefined) return statements.run(sql, bindings);
    return this.#knex.raw(sql, bindings as SqlValue[]).connection(connection);
  }

  async #open(): Promise<Opened> {
    try {
      const connection = await this.#connect();
      return { connection, statements: this.#dialect.keepStatements?.(connection) };
    } catch (failure) {
      this.#opened = undefined;
      throw failure;
    }
  }

  async #connect(): Promise<object> {
    const connection = (await this.#knex.client.acquireConnection()) as object;
    try {
      for (const statement of this.#onConnect) await this.#knex.raw(statement).connection(connection);
    } catch (failure) {
      // The pool has only this one: not given back, everybody after would wait for it in vain.
      this.#giveBack(connection, 'its preparation failed');
      throw failure;
    }
    return connection;
  }

  async #release(disposedBecause?: string): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    this.#opened = undefined;
    if (opened === undefined) return;
    await opened.statements?.forgetAll();
    this.#giveBack(opened.connection, disposedBecause);
  }

  /** knex closes a connection with this mark instead of handing it out again. */
  #giveBack(connection: object, disposedBecause?: string): void {
    if (disposedBecause !== undefined) Object.assign(connection, { __knex__disposed: disposedBecause });
    this.#knex.client.releaseConnection(connection);
  }
}

interface Opened {
  readonly connection: object;
  readonly statements: KeptStatements | undefined;
}

/** Connections that read, beside the writer; each query goes to the one with the least to do. */
export class SqlReadPool implements Session {
  readonly #readers: readonly { readonly connection: SqlConnection; underWay: number }[];

  /** `size` is how many connections knex hands out at most. */
  constructor(knex: Knex, dialect: SqlDialect, size: number) {
    this.#readers = Array.from({ length: size }, () => ({
      connection: new SqlConnection(knex, dialect, []),
      underWay: 0,
    }));
  }

  async query<Row extends object>(sql: string, bindings: readonly SqlValue[] = []): Promise<readonly Row[]> {
    const reader = this.#readers.reduce((one, other) => (other.underWay < one.underWay ? other : one));
    reader.underWay += 1;
    try {
      return await reader.connection.query(sql, bindings);
    } finally {
      reader.underWay -= 1;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#readers.map(({ connection }) => connection.close()));
  }
}

export const closedError = (): StoreUnavailable => new StoreUnavailable('the database is closed');

const translated = (failure: unknown, dialect: SqlDialect): unknown =>
  failure instanceof Error && failure.name === 'KnexTimeoutError'
    ? new StoreUnavailable('no database connection came free in time', { cause: failure })
    : dialect.translate(failure);
