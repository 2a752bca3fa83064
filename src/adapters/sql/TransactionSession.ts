import { createTurns, type TakeTurn } from '../turns.ts';
import type { Session, SqlValue } from './dialect.ts';

/**
 * A unit of work's view of the connection. Its statements run one after another, none after the end; the first one
 * that the database refuses dooms the transaction, also when the work swallows the error.
 */
export class TransactionSession implements Session {
  readonly #connection: Session;
  readonly #take: TakeTurn = createTurns();
  readonly #afterwards: (() => void)[] = [];
  #over = false;
  #failure: { readonly reason: unknown } | undefined;

  constructor(connection: Session) {
    this.#connection = connection;
  }

  async query<Row extends object>(sql: string, bindings: readonly SqlValue[] = []): Promise<readonly Row[]> {
    if (this.#over)
      throw new Error('the transaction is over: a store was used after its unit of work had settled');
    return this.#take(async () => {
      try {
        return await this.#connection.query<Row>(sql, bindings);
      } catch (failure) {
        throw this.doom(failure);
      }
    });
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
    await this.#take(async () => undefined);
    if (this.#failure !== undefined) throw this.#failure.reason;
  }
}
