import type { GateMove, WaitingMessage } from './inbox.ts';

/** A message as the outbox still knows it. */
export interface TracedMessage {
  readonly id: string;
  readonly source: string;
  readonly sequence: number;
  readonly type: string;
  /** Null once it has been cleaned away, or where it cannot be read. */
  readonly causationId: string | null;
  readonly correlationId: string | null;
  /** Milliseconds since the epoch, as all times here. */
  readonly addedAt: number;
  readonly dueAt: number;
  /** Null while it is not published. */
  readonly publishedAt: number | null;
  /** Why it is never published; null when it is not set aside. */
  readonly setAsideReason: string | null;
}

/**
 * What became of messages, for people who follow one order through the system. Committed rows only. It searches
 * tables that no index serves, so it may take seconds, and nothing that runs all the time may use it.
 */
export interface MessageTrace {
  /** The messages of these sources, and those with these ids, while the outbox keeps them; in no special order. */
  outbox(
    tenant: string,
    sources: readonly string[],
    ids: readonly string[],
  ): Promise<readonly TracedMessage[]>;
  /** How far each consumer of this database has come with these sources. */
  gates(tenant: string, sources: readonly string[]): Promise<readonly GateMove[]>;
  /** The messages of these sources that a consumer of this database keeps. */
  waiting(tenant: string, sources: readonly string[]): Promise<readonly WaitingMessage[]>;
}
