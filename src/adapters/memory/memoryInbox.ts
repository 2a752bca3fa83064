import {
  type BlockedStream,
  type GateKey,
  gateKeyText,
  type InboxCleaner,
  type InboxGate,
  type InboxReader,
  type SeenMessage,
  type WaitingMessage,
} from '../../ports/inbox.ts';
import type { MemoryTransaction, Pause } from './MemoryTransaction.ts';
import type { MemoryState } from './memoryState.ts';

export const createInboxGate = (transaction: MemoryTransaction): InboxGate => {
  const waitingOf = waitingStreams(transaction);
  return {
    ...gates(transaction, waitingOf),
    ...waitingMessages(transaction, waitingOf),
    ...seenMessages(transaction),
  };
};

/** A stream's waiting messages, to be changed in place. */
type WaitingOf = (key: GateKey) => Map<string, WaitingMessage>;

const gates = (
  transaction: MemoryTransaction,
  waitingOf: WaitingOf,
): Pick<InboxGate, 'lockGates' | 'moveGates'> => {
  const { state } = transaction;
  const own = new Map<string, number>();

  const lock = (key: GateKey): number => {
    const text = gateKeyText(key);
    const known = own.get(text);
    if (known !== undefined) return known;
    const committed = state.gates.get(text) ?? 0;
    own.set(text, committed);
    transaction.rely(() => (state.gates.get(text) ?? 0) === committed);
    return committed;
  };

  return {
    lockGates: (keys) =>
      transaction.step('inbox.lockGates', () =>
        keys.map((key) => ({ sequence: lock(key), hasWaiting: waitingOf(key).size > 0 })),
      ),
    moveGates: (moves) =>
      transaction.step('inbox.moveGates', () => {
        for (const move of moves) {
          if (move.sequence <= lock(move)) throw transaction.conflict('an order gate had moved on already');
          const text = gateKeyText(move);
          own.set(text, move.sequence);
          transaction.write(() => state.gates.set(text, move.sequence));
        }
      }),
  };
};

/** What is changed replaces the committed messages as a whole. */
const waitingStreams = (transaction: MemoryTransaction): WaitingOf => {
  const { state } = transaction;
  const own = new Map<string, Map<string, WaitingMessage>>();
  return (key) => {
    const text = gateKeyText(key);
    const known = own.get(text);
    if (known !== undefined) return known;
    const committed = state.waiting.get(text);
    const mine = new Map(committed);
    own.set(text, mine);
    transaction.rely(() => state.waiting.get(text) === committed);
    transaction.write(() => {
      if (mine.size > 0) state.waiting.set(text, mine);
      else state.waiting.delete(text);
    });
    return mine;
  };
};

type Waiting = 'readWaiting' | 'saveWaiting' | 'dropWaitingThrough' | 'dropUnsequenced';

const waitingMessages = (transaction: MemoryTransaction, waitingOf: WaitingOf): Pick<InboxGate, Waiting> => {
  return {
    readWaiting: (ranges) =>
      transaction.step('inbox.readWaiting', () =>
        ranges.flatMap((range) =>
          [...waitingOf(range).values()]
            .filter(({ sequence }) => sequence >= range.from && sequence <= range.to)
            .sort((one, other) => one.sequence - other.sequence),
        ),
      ),
    saveWaiting: (messages) =>
      transaction.step('inbox.saveWaiting', () => {
        for (const message of messages) waitingOf(message).set(waitingText(message), { ...message });
      }),
    dropWaitingThrough: (moves) =>
      transaction.step('inbox.dropWaitingThrough', () => {
        for (const move of moves) {
          const waiting = waitingOf(move);
          for (const [text, { sequence }] of waiting) {
            if (sequence >= 1 && sequence <= move.sequence) waiting.delete(text);
          }
        }
      }),
    dropUnsequenced: (messages) =>
      transaction.step('inbox.dropUnsequenced', () => {
        for (const message of messages) waitingOf(message).delete(waitingText({ ...message, sequence: 0 }));
      }),
  };
};

const waitingText = (message: { readonly sequence: number; readonly messageId: string }): string =>
  `${message.sequence}\n${message.messageId}`;

const seenMessages = (transaction: MemoryTransaction): Pick<InboxGate, 'findSeen' | 'recordSeen'> => {
  const { state } = transaction;
  const own = new Set<string>();

  const wasSeen = (message: SeenMessage): boolean => {
    const text = seenKeyText(message);
    if (own.has(text)) return true;
    const committed = state.seen.has(text);
    transaction.rely(() => state.seen.has(text) === committed);
    return committed;
  };

  return {
    findSeen: (messages) =>
      transaction.step('inbox.findSeen', () =>
        messages.flatMap((message, place) => (wasSeen(message) ? [place] : [])),
      ),
    recordSeen: (messages) =>
      transaction.step('inbox.recordSeen', () => {
        for (const message of messages) {
          if (wasSeen(message)) throw transaction.conflict('a message was seen already');
          const text = seenKeyText(message);
          own.add(text);
          transaction.write(() => state.seen.set(text, { ...message }));
        }
      }),
  };
};

export const createInboxReader = (state: MemoryState, pause: Pause): InboxReader => {
  const timed = (consumer: string): WaitingMessage[] =>
    [...state.waiting.values()]
      .flatMap((messages) => [...messages.values()])
      .filter((row) => row.consumer === consumer && (row.state === 'retrying' || row.state === 'started'))
      .sort((one, other) => one.dueAt - other.dueAt);
  return {
    due: async (consumer, now, limit) => {
      await pause('inbox.due');
      return timed(consumer)
        .filter(({ dueAt }) => dueAt <= now)
        .slice(0, limit);
    },
    nextDueAt: async (consumer) => {
      await pause('inbox.nextDueAt');
      return timed(consumer)[0]?.dueAt ?? null;
    },
    stranded: async (consumer, limit) => {
      await pause('inbox.stranded');
      return [...state.waiting.values()]
        .flatMap((messages) => [...messages.values()])
        .filter(
          (row) =>
            row.consumer === consumer &&
            row.state === 'held' &&
            row.sequence === (state.gates.get(gateKeyText(row)) ?? 0) + 1,
        )
        .slice(0, limit);
    },
    blocked: async (tenant, limit) => {
      await pause('inbox.blocked');
      return [...state.waiting.entries()]
        .map(([key, messages]) => blockedStream([...messages.values()], (state.gates.get(key) ?? 0) + 1))
        .filter((stream) => stream !== undefined)
        .filter((stream) => stream.tenant === tenant)
        .sort((one, other) => one.since - other.since || (one.source < other.source ? -1 : 1))
        .slice(0, limit);
    },
  };
};

const blockedStream = (waiting: readonly WaitingMessage[], next: number): BlockedStream | undefined => {
  const messages = waiting.filter(({ sequence }) => sequence > 0);
  const held = messages.filter(({ sequence }) => sequence > next);
  const [first] = held;
  if (first === undefined) return undefined;
  const blocker = messages.find(({ sequence }) => sequence === next);
  const timed = blocker?.state === 'retrying' || blocker?.state === 'started';
  return {
    consumer: first.consumer,
    tenant: first.tenant,
    source: first.source,
    waitsFor: next,
    because: blocker?.state ?? 'missing',
    messageId: blocker?.messageId ?? null,
    error: blocker?.error ?? null,
    dueAt: timed ? blocker.dueAt : null,
    held: held.length,
    since: Math.min(...messages.map(({ firstSeen }) => firstSeen)),
  };
};

export const createInboxCleaner = (state: MemoryState, pause: Pause): InboxCleaner => ({
  deleteSeenBefore: async (before, limit) => {
    await pause('inbox.deleteSeenBefore');
    const old = [...state.seen.entries()]
      .filter(([, { seenAt }]) => seenAt < before)
      .sort(([, one], [, other]) => one.seenAt - other.seenAt)
      .slice(0, limit);
    for (const [key] of old) state.seen.delete(key);
    return old.length;
  },
});

const seenKeyText = (message: SeenMessage): string => `${gateKeyText(message)}\0${message.messageId}`;
