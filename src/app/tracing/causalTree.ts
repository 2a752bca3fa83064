import type { RecordedEvent } from '../../ports/eventStore.ts';
import type { GateMove, WaitingMessage } from '../../ports/inbox.ts';
import type { TracedMessage } from '../../ports/messageTrace.ts';
import { sourceOf } from '../messaging/envelope.ts';

/** What was found of one order, or one request, in all databases. */
export interface Findings {
  readonly events: readonly RecordedEvent[];
  readonly messages: readonly TracedMessage[];
  readonly gates: readonly GateMove[];
  readonly waiting: readonly WaitingMessage[];
}

/** Something that happened, and everything that it caused. Times are ms since the epoch. */
export interface TraceNode {
  /** `cause` is where it began, as far as is known: a request of a client, or a callback. */
  readonly kind: 'cause' | 'event' | 'task';
  readonly id: string;
  readonly at: number;
  /** The public type where there is a message, else the stored type. */
  readonly type: string;
  readonly correlationId: string | null;
  readonly traceparent: string | null;
  /** Null for a cause and a task. */
  readonly stream: string | null;
  readonly version: number | null;
  readonly message: MessageFate | null;
  readonly children: readonly TraceNode[];
}

export interface MessageFate {
  readonly publishedAt: number | null;
  readonly dueAt: number;
  readonly setAsideReason: string | null;
  readonly handledBy: readonly string[];
  readonly keptBy: readonly (Pick<WaitingMessage, 'consumer' | 'state' | 'error'> & {
    readonly attempts: number;
  })[];
}

type Leaf = Omit<TraceNode, 'children'> & { readonly causationId: string | null };

/** Puts events and tasks under what caused them, each level in the order of time. */
export const causalTree = (findings: Findings): readonly TraceNode[] => {
  const messages = new Map(findings.messages.map((message) => [message.id, message]));
  const events = findings.events.map((event) => eventLeaf(event, messages.get(event.id), findings));
  const known = new Set(events.map(({ id }) => id));
  const tasks = findings.messages
    .filter(({ id }) => !known.has(id))
    .map((message) => taskLeaf(message, findings));
  const leaves = [...events, ...tasks].sort((a, b) => a.at - b.at || (a.version ?? 0) - (b.version ?? 0));
  for (const { id } of tasks) known.add(id);
  const childrenOf = Map.groupBy(leaves, ({ causationId }) => causationId ?? unknownCause);
  const grow = ({ causationId: _, ...leaf }: Leaf): TraceNode => ({
    ...leaf,
    children: (childrenOf.get(leaf.id) ?? []).map(grow),
  });
  return [...childrenOf]
    .filter(([cause]) => !known.has(cause))
    .map(([cause, children]) => grow(causeLeaf(cause, children[0]!)));
};

const unknownCause = 'unknown';

const causeLeaf = (id: string, first: Leaf): Leaf => ({
  kind: 'cause',
  id,
  at: first.at,
  type: 'request',
  correlationId: first.correlationId,
  traceparent: first.traceparent,
  stream: null,
  version: null,
  message: null,
  causationId: null,
});

const eventLeaf = (event: RecordedEvent, message: TracedMessage | undefined, findings: Findings): Leaf => ({
  kind: 'event',
  id: event.id,
  at: Date.parse(event.time),
  type: message?.type ?? event.type,
  correlationId: event.correlationId,
  traceparent: event.traceparent,
  stream: event.stream,
  version: event.version,
  message: message === undefined ? null : fateOf(message, sourceOf(event.stream), findings),
  causationId: event.causationId,
});

const taskLeaf = (message: TracedMessage, findings: Findings): Leaf => ({
  kind: 'task',
  id: message.id,
  at: message.addedAt,
  type: message.type,
  correlationId: message.correlationId,
  traceparent: null,
  stream: null,
  version: null,
  message: fateOf(message, message.source, findings),
  causationId: message.causationId,
});

const fateOf = (message: TracedMessage, source: string, { gates, waiting }: Findings): MessageFate => ({
  publishedAt: message.publishedAt,
  dueAt: message.dueAt,
  setAsideReason: message.setAsideReason,
  handledBy: gates
    .filter((gate) => gate.source === source && gate.sequence >= message.sequence)
    .map(({ consumer }) => consumer)
    .sort(),
  keptBy: waiting
    .filter((row) => row.messageId === message.id)
    .map(({ consumer, state, error, attempts }) => ({ consumer, state, error, attempts })),
});
