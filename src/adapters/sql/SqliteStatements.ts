import type { KeptStatements, SqlValue } from './dialect.ts';

const maxKept = 200;

/** What sqlite3 and better-sqlite3 have in common; the latter answers at once, and throws. */
interface RawConnection {
  prepare(sql: string, done: (failure: Error | null) => void): RawStatement;
}

interface RawStatement {
  /** better-sqlite3 only: whether there are rows to be had. */
  readonly reader?: boolean;
  all(values: readonly SqlValue[], done?: (failure: Error | null, rows: readonly object[]) => void): unknown;
  run(values: readonly SqlValue[]): unknown;
  finalize?(): void;
}

/**
 * The statements of one connection, each text prepared once. knex prepares for every execution, which with sqlite3
 * is one more trip to a thread and back, each waiting for its turn on the event loop.
 */
export class SqliteStatements implements KeptStatements {
  readonly #connection: RawConnection;
  readonly #kept = new Map<string, Promise<RawStatement>>();

  constructor(connection: object) {
    this.#connection = connection as RawConnection;
  }

  async run<Row extends object>(sql: string, bindings: readonly SqlValue[]): Promise<readonly Row[]> {
    try {
      const rows = await execute(await this.#prepared(sql), bindings);
      // The caller knows what the statement selects.
      return rows as readonly Row[];
    } catch (failure) {
      // As knex does: the statement, without its values.
      if (failure instanceof Error) failure.message = `${sql} - ${failure.message}`;
      throw failure;
    }
  }

  /** SQLite refuses to close a connection over statements that are left. */
  async forgetAll(): Promise<void> {
    for (const sql of [...this.#kept.keys()]) await this.#forget(sql);
  }

  #prepared(sql: string): Promise<RawStatement> {
    const known = this.#kept.get(sql);
    if (known !== undefined) return known;
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= maxKept && oldest !== undefined) void this.#forget(oldest);
    const prepared = prepare(this.#connection, sql);
    prepared.catch(() => this.#kept.delete(sql));
    this.#kept.set(sql, prepared);
    return prepared;
  }

  async #forget(sql: string): Promise<void> {
    const statement = this.#kept.get(sql);
    this.#kept.delete(sql);
    (await statement?.catch(() => undefined))?.finalize?.();
  }
}

const prepare = (connection: RawConnection, sql: string): Promise<RawStatement> =>
  new Promise((done, fail) => {
    const statement = connection.prepare(sql, (failure) =>
      failure === null ? done(statement) : fail(failure),
    );
    if (isSynchronous(statement)) done(statement);
  });

const execute = (
  statement: RawStatement,
  bindings: readonly SqlValue[],
): Promise<readonly object[]> | readonly object[] => {
  if (isSynchronous(statement)) {
    if (statement.reader === true) return statement.all(bindings) as readonly object[];
    statement.run(bindings);
    return [];
  }
  return new Promise((done, fail) => {
    statement.all(bindings, (failure, rows) => (failure === null ? done(rows) : fail(failure)));
  });
};

const isSynchronous = (statement: RawStatement): boolean => statement.finalize === undefined;
