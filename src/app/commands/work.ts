import type { Aggregate } from '../../domain/shared/aggregate.ts';
import type { Decision, DomainEvent } from '../../domain/shared/decider.ts';
import type { Cause, Repeatable } from '../../ports/commands.ts';
import type { OrderViewChange } from '../../ports/orderViews.ts';
import type { Transaction } from '../../ports/unitOfWork.ts';

/** An aggregate together with what is written in the same transaction as its events. */
export interface WriteModel<Command, Event extends DomainEvent, State> {
  readonly aggregate: Aggregate<Command, Event, State>;
  readonly view?: (change: ViewedChange<State>) => OrderViewChange;
  /** For aggregates whose streams grow without end; they are read from their last snapshot on. */
  readonly snapshots?: SnapshotPolicy<State>;
}

export interface SnapshotPolicy<State> {
  /** Events between two snapshots, about. */
  readonly every: number;
  /** To be raised when `encode` gives another shape: snapshots of older shapes are then not used any more. */
  readonly schema: number;
  /** Plain JSON. */
  readonly encode: (state: State) => object;
  readonly decode: (encoded: object) => State;
}

export interface ViewedChange<State> {
  readonly tenant: string;
  readonly id: string;
  readonly state: State;
  readonly version: number;
  /** Of the stream's first event; null where it is not known, because the stream was read from a snapshot. */
  readonly firstPosition: number | null;
}

export interface Loaded<State> {
  readonly state: State;
  /** 0 when there is no such stream. */
  readonly version: number;
}

/** A message to one queue of our own, outside of any stream's sequence: something to be done later, or elsewhere. */
export interface Task {
  /** Identifies it: a task that was done is not done again. A new id where it is left out. */
  readonly id?: string;
  /** The queue's full name. */
  readonly queue: string;
  /** `orderflow.task.<what>.v1`. */
  readonly type: string;
  /** Plain JSON. */
  readonly data: object;
  /** ISO 8601. */
  readonly time: string;
  /** Not before this time (ms since the epoch); 0 is at once. */
  readonly dueAt: number;
}

/** What a piece of work can do while it runs. It sees everything that work before it in its batch has decided. */
export interface Session {
  load<Command, Event extends DomainEvent, State>(
    model: WriteModel<Command, Event, State>,
    id: string,
  ): Loaded<State>;
  /** Lets the aggregate decide. Accepted events are staged; a refusal stages nothing. */
  execute<Command, Event extends DomainEvent, State>(
    model: WriteModel<Command, Event, State>,
    id: string,
    command: Command,
  ): Decision<Event>;
  /** Stages a task. It leaves through the outbox, if and when everything else here is committed. */
  send(task: Task): void;
}

/**
 * Something that takes part in the transactions of its works, such as a consumer's order gate: it reads before they
 * run, and writes after. A book is one batch's memory of it, made anew when the batch runs again.
 */
export interface Participant<Item, Book> {
  begin(tx: Transaction, items: readonly Item[]): Promise<Book>;
  end(tx: Transaction, book: Book): Promise<void>;
}

/** One item for the write pipeline. */
export interface Work<Outcome> {
  readonly cause: Cause;
  /** Every stream that `run` may load, but for those that `furtherStreams` names. */
  readonly streams: readonly string[];
  /**
   * Streams that only the stored state of `streams` can name, such as the SKUs of a reservation. Asked before anything
   * of the batch is decided: what work before it in the same batch is about to make names its own streams.
   */
  readonly furtherStreams?: (session: Pick<Session, 'load'>) => readonly string[];
  readonly repeatable?: Repeatable<Outcome>;
  /** About how much memory it takes while it waits. */
  readonly bytes?: number;
  /** Nobody waits for its outcome: under load it may wait a moment for others to share its transaction. */
  readonly patient?: boolean;
  /**
   * Decides, in memory: synchronous and free of effects, because it runs again when another writer was faster. A
   * throw fails this work only.
   */
  readonly run: (session: Session, book: unknown) => Outcome;
  /** The participant whose book `run` gets, and what it is to read for this work. See `workWith`. */
  readonly part?: { readonly participant: Participant<unknown, unknown>; readonly item: unknown };
}

/** Work that uses a participant's book. It must change the book last, when nothing can fail any more. */
export const workWith = <Item, Book, Outcome>(
  participant: Participant<Item, Book>,
  item: Item,
  work: Omit<Work<Outcome>, 'run' | 'part'>,
  run: (session: Session, book: Book) => Outcome,
): Work<Outcome> => ({
  ...work,
  // The pipeline hands each work the book of its own participant; the types meet again here.
  part: { participant: participant as Participant<unknown, unknown>, item },
  run: (session, book) => run(session, book as Book),
});
