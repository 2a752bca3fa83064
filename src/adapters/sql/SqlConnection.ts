import type { Knex } from 'knex';
import { StoreUnavailable } from '../../ports/unitOfWork.ts';
import type { KeptStatements, Session, SqlDialect, SqlValue } from './dialect.ts';

/**
 * The one connection that writes, taken from knex's pool and kept. One that is in an unknown state after a failed
 * rollback is thrown away, and the next query opens another.
 */
export class SqlConnection implements Session {
  readonly #knex: Knex;
  readonly #dialect: SqlDialect;
  #connection: object | undefined;
  #statements: KeptStatements | undefined;
  #closed = false;

  constructor(knex: Knex, dialect: SqlDialect) {
    this.#knex = knex;
    this.#dialect = dialect;
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
      Object.assign(this.#connection ?? {}, disposed('the rollback failed'));
      await this.#release();
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
    this.#connection ??= await this.#connect();
    if (this.#statements !== undefined) return this.#statements.run(sql, bindings);
    return this.#knex.raw(sql, bindings as SqlValue[]).connection(this.#connection);
  }

  async #connect(): Promise<object> {
    const connection = (await this.#knex.client.acquireConnection()) as object;
    try {
      for (const statement of this.#dialect.onConnect) await this.#knex.raw(statement).connection(connection);
    } catch (failure) {
      // The pool has only this one: not given back, everybody after would wait for it in vain.
      Object.assign(connection, disposed('its preparation failed'));
      this.#knex.client.releaseConnection(connection);
      throw failure;
    }
    this.#statements = this.#dialect.keepStatements?.(connection);
    return connection;
  }

  async #release(): Promise<void> {
    await this.#statements?.forgetAll();
    if (this.#connection !== undefined) this.#knex.client.releaseConnection(this.#connection);
    this.#statements = undefined;
    this.#connection = undefined;
  }
}

/** Connections that read, beside the writer. */
export class SqlReadPool implements Session {
  readonly #knex: Knex;
  readonly #dialect: SqlDialect;
  #closed = false;

  constructor(knex: Knex, dialect: SqlDialect) {
    this.#knex = knex;
    this.#dialect = dialect;
  }

  async query<Row extends object>(sql: string, bindings: readonly SqlValue[] = []): Promise<readonly Row[]> {
    if (this.#closed) throw closedError();
    try {
      return await this.#knex.raw(sql, bindings as SqlValue[]);
    } catch (failure) {
      throw translated(failure, this.#dialect);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#knex.destroy();
  }
}

/** knex closes a connection with this mark instead of handing it out again. */
const disposed = (why: string) => ({ __knex__disposed: why });

export const closedError = (): StoreUnavailable => new StoreUnavailable('the database is closed');

const translated = (failure: unknown, dialect: SqlDialect): unknown =>
  failure instanceof Error && failure.name === 'KnexTimeoutError'
    ? new StoreUnavailable('no database connection came free in time', { cause: failure })
    : dialect.translate(failure);
