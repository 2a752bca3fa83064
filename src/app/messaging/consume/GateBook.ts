import type { FoundDeadLetter } from '../../../ports/deadLetters.ts';
import {
  type GateKey,
  type GateMove,
  gateKeyText,
  type WaitingMessage,
  type WaitingRange,
} from '../../../ports/inbox.ts';
import type { OutboxMessage } from '../../../ports/outbox.ts';
import type { Transaction } from '../../../ports/unitOfWork.ts';
import type { Participant } from '../../commands/work.ts';

/** What the gate is asked about: one message, in the name of its consumer. */
export interface GateItem extends GateKey {
  /** 0 for a message outside any sequence. */
  readonly sequence: number;
  readonly messageId: string;
}

/** `past`: handled before. `next`: the one to handle. `ahead`: a predecessor is missing, being retried, or dead. */
export type Turn = 'past' | 'next' | 'ahead';

interface Gate {
  readonly key: GateKey;
  last: number;
  moved: boolean;
  /** Rows of messages that it has passed are still there. */
  passed: boolean;
  waiting: WaitingMessage[];
}

/** So many successors are told of at once when a message has passed; theirs follow when they have. */
const successorLimit = 50;

/** One batch's memory of its consumers' gates: read under lock, changed by the works, written once at the end. */
class GateBook {
  /** By the very items that the works of the batch are about. */
  readonly #gates: ReadonlyMap<GateItem, Gate>;
  readonly #seen: Set<string>;
  readonly #newlySeen: GateItem[] = [];
  readonly #dropped: GateItem[] = [];
  readonly #saved = new Set<WaitingMessage>();
  readonly #messages: OutboxMessage[] = [];
  readonly #letters: FoundDeadLetter[] = [];

  constructor(gates: ReadonlyMap<GateItem, Gate>, seen: Set<string>) {
    this.#gates = gates;
    this.#seen = seen;
  }

  turn(item: GateItem): Turn {
    if (item.sequence === 0) return this.#seen.has(itemText(item)) ? 'past' : 'next';
    const { last } = this.#gate(item);
    if (item.sequence <= last) return 'past';
    return item.sequence === last + 1 ? 'next' : 'ahead';
  }

  /** The message's row, where it waits. */
  row(item: GateItem): WaitingMessage | undefined {
    return this.#gate(item).waiting.find(
      ({ sequence, messageId }) =>
        sequence === item.sequence && (sequence > 0 || messageId === item.messageId),
    );
  }

  /** The message is done with, so its successors may follow; returns those that wait, in order and without a gap. */
  pass(item: GateItem): readonly WaitingMessage[] {
    const gate = this.#gate(item);
    if (item.sequence === 0) {
      this.#seen.add(itemText(item));
      this.#newlySeen.push(item);
      const others = gate.waiting.filter(
        ({ sequence, messageId }) => sequence > 0 || messageId !== item.messageId,
      );
      if (others.length < gate.waiting.length) this.#dropped.push(item);
      gate.waiting = others;
      return [];
    }
    gate.last = item.sequence;
    gate.moved = true;
    if (gate.waiting.length === 0) return [];
    const left = gate.waiting.filter(({ sequence }) => sequence === 0 || sequence > item.sequence);
    gate.passed ||= left.length < gate.waiting.length;
    gate.waiting = left;
    return successors(left, item.sequence);
  }

  /** Keeps a message, or replaces the row it has. */
  save(item: GateItem, row: WaitingMessage): void {
    const gate = this.#gate(item);
    const others = gate.waiting.filter(
      ({ sequence, messageId }) => sequence !== row.sequence || messageId !== row.messageId,
    );
    gate.waiting = [...others, row].sort((one, other) => one.sequence - other.sequence);
    this.#saved.add(row);
  }

  /** Sends a message through the consumer's own outbox. */
  publish(message: OutboxMessage): void {
    this.#messages.push(message);
  }

  /** Hands the dead-letter desk a letter that the outbox cannot carry there. */
  keepLetter(letter: FoundDeadLetter): void {
    this.#letters.push(letter);
  }

  async write(tx: Transaction, now: number): Promise<void> {
    const gates = [...new Set(this.#gates.values())];
    const moved = gates.filter((gate) => gate.moved);
    const moves = moved.map(moveOf);
    // A row that was saved and passed within one batch leaves nothing behind.
    const saved = gates.flatMap(({ waiting }) => waiting.filter((row) => this.#saved.has(row)));
    if (moves.length > 0) await tx.inbox.moveGates(moves);
    // Below the messages of this batch a stream has no rows: they went when the gate passed them.
    const passed = moved.filter((gate) => gate.passed);
    if (passed.length > 0) await tx.inbox.dropWaitingThrough(passed.map(moveOf));
    if (this.#dropped.length > 0) await tx.inbox.dropUnsequenced(this.#dropped);
    if (saved.length > 0) await tx.inbox.saveWaiting(saved);
    if (this.#newlySeen.length > 0) {
      await tx.inbox.recordSeen(
        this.#newlySeen.map((item) => ({ ...keyOf(item), messageId: item.messageId, seenAt: now })),
      );
    }
    if (this.#messages.length > 0) await tx.outbox.add(this.#messages);
    if (this.#letters.length > 0) await tx.deadLetters.keep(this.#letters);
  }

  #gate(item: GateItem): Gate {
    const gate = this.#gates.get(item);
    if (gate === undefined) throw new Error(`this batch has not locked the gate of ${item.source}`);
    return gate;
  }
}

export type { GateBook };

/** Puts the order gates of all consumers of a process into the transactions of their works. */
export const gateKeeper = (now: () => number): Participant<GateItem, GateBook> => ({
  begin: async (tx, items) => {
    const byGate = [...Map.groupBy(items, gateKeyText)];
    const keys = byGate.map(([, [first]]) => keyOf(first!));
    const loose = items.filter(({ sequence }) => sequence === 0);
    const [states, seen] = await Promise.all([
      // Also where there is no row yet: nobody else decides about these streams until the commit.
      tx.inbox.lockGates(keys),
      tx.inbox.findSeen(loose.map((item) => ({ ...keyOf(item), messageId: item.messageId, seenAt: 0 }))),
    ]);
    const withRows = byGate.filter((_, index) => states[index]?.hasWaiting);
    const waiting = await tx.inbox.readWaiting(withRows.flatMap(([, group]) => rangesOf(group)));
    const rows = Map.groupBy(waiting, gateKeyText);
    const gates = new Map<GateItem, Gate>();
    for (const [index, [text, group]] of byGate.entries()) {
      const gate = {
        key: keys[index]!,
        last: states[index]?.sequence ?? 0,
        moved: false,
        passed: false,
        waiting: rows.get(text) ?? [],
      };
      for (const item of group) gates.set(item, gate);
    }
    return new GateBook(gates, new Set(seen.map((index) => itemText(loose[index]!))));
  },
  end: (tx, book) => book.write(tx, now()),
});

/** The rows of these messages and of their nearest successors; far ones would be read in vain again and again. */
const rangesOf = (items: readonly GateItem[]): WaitingRange[] => {
  const ranges: WaitingRange[] = [];
  for (const sequence of items.map((item) => item.sequence).sort((one, other) => one - other)) {
    const last = ranges.at(-1);
    const to = sequence === 0 ? 0 : sequence + successorLimit;
    if (last !== undefined && sequence <= last.to) ranges[ranges.length - 1] = { ...last, to };
    else ranges.push({ ...keyOf(items[0]!), from: sequence, to });
  }
  return ranges;
};

const successors = (waiting: readonly WaitingMessage[], after: number): readonly WaitingMessage[] => {
  const found: WaitingMessage[] = [];
  for (const row of waiting) {
    if (row.sequence === after + 1 + found.length) found.push(row);
  }
  return found.slice(0, successorLimit);
};

const moveOf = ({ key, last }: Gate): GateMove => ({ ...key, sequence: last });

const keyOf = ({ consumer, tenant, source }: GateKey): GateKey => ({ consumer, tenant, source });

const itemText = (item: GateItem): string => `${gateKeyText(item)}\0${item.messageId}`;
