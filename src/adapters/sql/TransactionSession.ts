import type { SendingSession, Session, SqlValue } from './dialect.ts';

/**
 * A unit of work's view of the connection. A query sees everything that was sent before it; none runs after the end.
 * The first statement that the database refuses dooms the transaction, also when the work swallows the error.
 */
export class TransactionSession implements SendingSession {
  readonly #connection: Session;
  readonly #afterwards: (() => void)[] = [];
  /** Sent, and not known to have ended. */
  readonly #sent = new Set<Promise<unknown>>();
  readonly #underWay = new Set<Promise<unknown>>();
  #over = false;
  #failure: { readonly reason: unknown } | undefined;

  constructor(connection: Session) {
    this.#connection = connection;
  }

  async query<Row extends object>(sql: string, bindings: readonly SqlValue[] = []): Promise<readonly Row[]> {
    this.requireOpen();
    return this.#keep(Promise.allSettled(this.#sent).then(() => this.#run<Row>(sql, bindings)));
  }

  /**
   * Hands a statement over without waiting for its result: each wait is a trip to the database's thread and back. It
   * may run before or after others that were sent since the last query, so they must not concern each other.
   */
  send(sql: string, bindings: readonly SqlValue[]): void {
    this.requireOpen();
    const sent = this.#keep(this.#run(sql, bindings));
    this.#sent.add(sent);
    const ended = (): boolean => this.#sent.delete(sent);
    sent.then(ended, ended); // a failure has doomed the transaction
  }

  /** Makes the transaction fail with this reason, and returns it. */
  doom(reason: unknown): unknown {
    this.#failure ??= { reason };
    return reason;
  }

  /** Called once the transaction is durable. */
  onCommitted(action: () => void): void {
    this.#afterwards.push(action);
  }

  committed(): void {
    for (const action of this.#afterwards) action();
  }

  /** Waits for statements under way, so that none of them runs outside of the transaction. Throws what doomed it. */
  async end(): Promise<void> {
    this.#over = true;
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    if (this.#failure !== undefined) throw this.#failure.reason;
  }

  requireOpen(): void {
    if (this.#over)
      throw new Error('the transaction is over: a store was used after its unit of work had settled');
  }

  async #run<Row extends object>(sql: string, bindings: readonly SqlValue[]): Promise<readonly Row[]> {
    try {
      return await this.#connection.query<Row>(sql, bindings);
    } catch (failure) {
      throw this.doom(failure);
    }
  }

  #keep<T>(statement: Promise<T>): Promise<T> {
    const kept = statement.finally(() => this.#underWay.delete(kept));
    this.#underWay.add(kept);
    return kept;
  }
}
