import type { Session } from '../../commands/work.ts';
import type { IncomingMessage } from './incomingMessage.ts';

/** What a context does with the messages of its queue. */
export interface MessageHandler {
  /** Names the gate: `inventory`. */
  readonly consumer: string;
  /** The queue's full name. */
  readonly queue: string;
  /** The streams that `handle` may load. */
  streams(message: IncomingMessage): readonly string[];
  /** Those that only the stored state of these can name; see `Work`. */
  furtherStreams?(session: Pick<Session, 'load'>, message: IncomingMessage): readonly string[];
  /**
   * Whatever takes time, outside of any transaction: asking somebody, or an effect elsewhere such as sending. It may run
   * more than once for one message, also in two processes at the same time: after a crash, a failed commit, or a broken
   * connection. So it must be repeatable, with the message's id (or one in its data) as the idempotency key. Ended by
   * the signal after the handler's time-out, which counts as a failed attempt. Undefined where there is nothing to
   * prepare.
   */
  prepare?(message: IncomingMessage, signal: AbortSignal): Promise<unknown> | undefined;
  /** Decides, in memory, in the transaction of its gate. A message that means nothing to it is simply ignored. */
  handle(session: Session, message: IncomingMessage, prepared: unknown): void;
}

/** Where a message comes from this time. Only a redrive wakes a dead one. */
export type Origin = 'broker' | 'store' | 'redrive';

export interface Attempt {
  readonly handler: MessageHandler;
  readonly message: IncomingMessage;
  readonly origin: Origin;
  /** From the store: the failed attempts that its row told of. Where it tells of others now, somebody else was faster. */
  readonly tried?: number;
}
