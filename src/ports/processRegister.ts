/** A process that consumes, as its row tells. */
export interface RegisteredProcess {
  readonly id: string;
  /** Grows as long as the process lives. */
  readonly beats: number;
}

/**
 * The processes that consume from this database. Each writes its row again and again while it lives, and removes it
 * when it ends with nothing in hand: a row whose beats stand still is what a death leaves behind.
 */
export interface ProcessRegister {
  /** Writes the process's row, whether there is one or not. */
  beat(process: RegisteredProcess): Promise<void>;
  /** The rows of all others, as committed. */
  others(id: string): Promise<readonly RegisteredProcess[]>;
  /** Removes rows; those that are not there do not matter. */
  remove(ids: readonly string[]): Promise<void>;
}
