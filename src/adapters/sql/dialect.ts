export type SqlValue = string | number | null | Buffer;

/** Runs statements one after another, on one connection or, for reading, on any. */
export interface Session {
  /** The rows of a query; empty for a statement that returns none. Placeholders are `?`. */
  query<Row extends object>(sql: string, bindings?: readonly SqlValue[]): Promise<readonly Row[]>;
}

/** A session that also takes statements whose result nobody waits for; see `TransactionSession.send`. */
export interface SendingSession extends Session {
  /** Throws once the transaction is over: what is answered from memory must be refused then as a query would be. */
  requireOpen(): void;
  send(sql: string, bindings: readonly SqlValue[]): void;
}

/** The prepared statements of one connection. */
export interface KeptStatements {
  run<Row extends object>(sql: string, bindings: readonly SqlValue[]): Promise<readonly Row[]>;
  /** To be called before the connection is closed. */
  forgetAll(): Promise<void>;
}

/** A table that takes many rows at once. */
export interface BulkTable {
  readonly name: string;
  /** The values of a row come in this order. */
  readonly columns: readonly string[];
  /** The last column holds long text. */
  readonly longText: boolean;
  /** What follows the rows, for example an `on conflict` clause. */
  readonly suffix?: string;
}

export type SqlType = 'text' | 'integer';

/**
 * What differs between databases, apart from migrations. Everything else is written in SQL that SQLite,
 * PostgreSQL and MySQL 8 share, or nearly so.
 */
export interface SqlDialect {
  readonly begin: string;
  /**
   * Asks, within a transaction, for a `counter` that changes whenever another connection has committed. Without it
   * nothing is remembered from one transaction to the next.
   */
  readonly commitsOfOthers?: string;
  /** Run once on every new writing connection. */
  readonly onConnect: readonly string[];
  /**
   * A derived table made of one JSON parameter, an array of arrays: `c0`, `c1`, ... are its columns. One parameter
   * costs the event loop far less than thousands of bound values, and knows no limit of their number.
   */
  rows(types: readonly SqlType[]): string;
  /**
   * Many columns as one, a text that holds a JSON object with these names. What the driver hands out costs the event
   * loop for each column of each row, far more than to parse such a text.
   */
  packed(columns: Readonly<Record<string, string>>): string;
  /** Inserts all rows with few statements, the last of which is only sent; uses up the arrays. */
  insert(session: SendingSession, table: BulkTable, rows: (string | number | null)[][]): Promise<void>;
  /** Keeps the statements of the writing connection prepared, where its driver does not. */
  keepStatements?(connection: object): KeptStatements;
  /** Runs a statement that changes rows, and returns how many it changed. */
  change(session: Session, sql: string, bindings: readonly SqlValue[]): Promise<number>;
  /** Whether a statement failed only because another process is writing: it may be repeated. */
  isBusy(failure: unknown): boolean;
  /** The port's error for a driver's error; an unknown one is returned as it is. */
  translate(failure: unknown): unknown;
  /** As `translate`, for a failed commit: what is in doubt becomes `CommitUnknown`. */
  translateCommit(failure: unknown): unknown;
}
