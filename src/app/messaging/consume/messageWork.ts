import type { Cause } from '../../../ports/commands.ts';
import type { WaitingMessage } from '../../../ports/inbox.ts';
import type { Participant, Session, Work } from '../../commands/work.ts';
import { workWith } from '../../commands/work.ts';
import { type DeadReason, type LetterOptions, sendLetter } from './deadLetter.ts';
import type { GateBook, GateItem } from './GateBook.ts';
import type { IncomingMessage } from './incomingMessage.ts';
import type { Attempt } from './messageHandler.ts';
import { type RetryPolicy, retryDelay } from './retryPolicy.ts';

export type Verdict =
  | { readonly kind: 'handled'; readonly successors: readonly WaitingMessage[] }
  /** Handled before. */
  | { readonly kind: 'duplicate' }
  /** The store keeps it: behind a predecessor, until its next attempt, or, dead, for an operator. */
  | { readonly kind: 'kept'; readonly dueAt?: number }
  /** Set aside just now. */
  | { readonly kind: 'dead' };

type Gates = Participant<GateItem, GateBook>;

const itemOf = ({ handler, message }: Attempt): GateItem => ({
  consumer: handler.consumer,
  tenant: message.tenant,
  source: message.source,
  sequence: message.sequence ?? 0,
  messageId: message.id,
});

/** Read when the work runs: it may have waited for the database for minutes by then. */
type Now = () => number;

/** Handles the message if it is its turn: effect, gate and outbox in one transaction. */
export const handleWork = (gates: Gates, attempt: Attempt, prepared: unknown, now: Now): Work<Verdict> => {
  const { handler, message } = attempt;
  const work = gated<Verdict>(gates, attempt, handler.streams(message), (session, book, item) => {
    const elsewhere = whoseTurn(book, item, attempt, now());
    if (elsewhere !== null) return elsewhere;
    handler.handle(session, message, prepared);
    return { kind: 'handled', successors: book.pass(item) };
  });
  // What is in hand by itself, such as a group after a crash, must not wait for more that cannot come.
  const patient = attempt.origin === 'broker';
  if (handler.furtherStreams === undefined) return { ...work, patient };
  const furtherStreams = (session: Pick<Session, 'load'>) => handler.furtherStreams?.(session, message) ?? [];
  return { ...work, patient, furtherStreams };
};

/**
 * Records that a risky attempt begins, before it does; for `holdMs` it is taken to be under way. A message that began
 * too often without an end has killed its process each time: it is set aside. Null: go on.
 */
export const startWork = (
  gates: Gates,
  attempt: Attempt,
  policy: RetryPolicy,
  now: Now,
  holdMs: number,
  letters: LetterOptions,
): Work<Verdict | null> =>
  gated(gates, attempt, [], (_session, book, item) => {
    const at = now();
    const elsewhere = whoseTurn(book, item, attempt, at);
    if (elsewhere !== null) return elsewhere;
    const row = currentRow(book, item, attempt, at);
    // Another process has it in hand; should it die of it, the row is due then. Only a start that ran out is a death.
    if (row.state === 'started' && row.dueAt > at) return { kind: 'kept' };
    if (row.deaths >= policy.maxDeaths) {
      const error = `the process died ${row.deaths + 1} times while handling this message`;
      return bury(book, item, attempt, { ...row, error }, 'crash', letters, at);
    }
    book.save(item, { ...row, state: 'started', deaths: row.deaths + 1, dueAt: at + holdMs });
    return null;
  });

/**
 * Takes a message that is due for this process alone, for `holdMs`, before it is prepared. It counts as begun: should
 * the process die meanwhile, it is a suspect like all that was in hand, so this is no death of its own. Null: go on.
 */
export const claimWork = (gates: Gates, attempt: Attempt, now: Now, holdMs: number): Work<Verdict | null> =>
  gated(gates, attempt, [], (_session, book, item) => {
    const at = now();
    const elsewhere = whoseTurn(book, item, attempt, at);
    if (elsewhere !== null) return elsewhere;
    const row = currentRow(book, item, attempt, at);
    if (row.state !== 'retrying' || row.dueAt > at) return { kind: 'kept' };
    book.save(item, { ...row, state: 'started', dueAt: at + holdMs });
    return null;
  });

/** Records a failed attempt: the message is retried later, or dead when no attempt is left or none can help. */
export const failureWork = (
  gates: Gates,
  attempt: Attempt,
  failure: { readonly error: string; readonly permanent: boolean },
  policy: RetryPolicy,
  now: Now,
  random: () => number,
  letters: LetterOptions,
): Work<Verdict> =>
  gated(gates, attempt, [], (_session, book, item) => {
    const at = now();
    const elsewhere = whoseTurn(book, item, attempt, at);
    if (elsewhere !== null) return elsewhere;
    const before = currentRow(book, item, attempt, at);
    const row = { ...before, attempts: before.attempts + 1, deaths: 0, error: failure.error };
    const delay = failure.permanent ? null : retryDelay(policy, row.attempts, random);
    if (delay === null)
      return bury(book, item, attempt, row, failure.permanent ? 'refused' : 'exhausted', letters, at);
    book.save(item, { ...row, state: 'retrying', dueAt: at + delay });
    return { kind: 'kept', dueAt: at + delay };
  });

/**
 * Sets aside what cannot be read. It is remembered as seen, so that it makes one letter however often it is delivered;
 * no row is kept, because nobody would ever know to delete it. Each redrive makes a letter anew.
 */
export const unreadableWork = (
  gates: Gates,
  attempt: Attempt,
  error: string,
  now: Now,
  letters: LetterOptions,
): Work<Verdict> =>
  gated<Verdict>(gates, attempt, [], (_session, book, item) => {
    const seen = book.turn(item) === 'past';
    if (seen && attempt.origin !== 'redrive') return { kind: 'duplicate' };
    if (!seen) book.pass(item);
    const at = now();
    sendLetter(book, attempt, { error, attempts: 1, firstSeen: at }, 'refused', letters, at);
    return { kind: 'dead' };
  });

/**
 * Lets the gate pass a dead message by, so that its successors follow. Ahead of its turn it is kept as it came, with the
 * header that says so, and passed by then.
 */
export const discardWork = (gates: Gates, attempt: Attempt, now: Now): Work<Verdict> =>
  gated<Verdict>(gates, attempt, [], (_session, book, item) => {
    const turn = book.turn(item);
    if (turn === 'past') return { kind: 'duplicate' };
    if (turn === 'next') return { kind: 'handled', successors: book.pass(item) };
    const row = currentRow(book, item, attempt, now());
    book.save(item, { ...row, state: 'held', message: JSON.stringify(attempt.message.raw) });
    return { kind: 'kept' };
  });

const gated = <Outcome>(
  gates: Gates,
  attempt: Attempt,
  streams: readonly string[],
  run: (session: Session, book: GateBook, item: GateItem) => Outcome,
): Work<Outcome> => {
  const item = itemOf(attempt);
  const cause = causeOf(attempt.message);
  return workWith(gates, item, { cause, streams }, (session, book) => run(session, book, item));
};

/** Null when it is this attempt's turn. A message ahead of its turn is kept. */
const whoseTurn = (book: GateBook, item: GateItem, attempt: Attempt, now: number): Verdict | null => {
  const turn = book.turn(item);
  if (turn === 'past') return { kind: 'duplicate' };
  const row = book.row(item);
  if (turn === 'ahead') {
    if (row === undefined) book.save(item, currentRow(book, item, attempt, now));
    return { kind: 'kept' };
  }
  if (row?.state === 'dead' && attempt.origin !== 'redrive') return { kind: 'kept' };
  if (attempt.tried !== undefined && row !== undefined && row.attempts !== attempt.tried)
    return { kind: 'kept' };
  const inStore = row?.state === 'retrying' || row?.state === 'started';
  if (inStore && attempt.origin === 'broker') return { kind: 'kept' };
  return null;
};

/** The message's row, or the one it would have; a redrive begins anew. */
const currentRow = (book: GateBook, item: GateItem, attempt: Attempt, now: number): WaitingMessage => {
  const row = book.row(item);
  if (row !== undefined && !(attempt.origin === 'redrive' && row.state === 'dead')) return row;
  return {
    ...item,
    type: attempt.message.type,
    state: 'held',
    attempts: 0,
    deaths: 0,
    dueAt: 0,
    error: null,
    firstSeen: row?.firstSeen ?? now,
    message: JSON.stringify(attempt.message.raw),
  };
};

const bury = (
  book: GateBook,
  item: GateItem,
  attempt: Attempt,
  row: WaitingMessage,
  reason: DeadReason,
  letters: LetterOptions,
  now: number,
): Verdict => {
  book.save(item, { ...row, state: 'dead' });
  sendLetter(book, attempt, row, reason, letters, now);
  return { kind: 'dead' };
};

const causeOf = ({ tenant, correlationId, id, traceparent }: IncomingMessage): Cause => ({
  tenant,
  correlationId,
  causationId: id,
  traceparent,
});
