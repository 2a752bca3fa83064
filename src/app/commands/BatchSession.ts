import { type Aggregate, publicType } from '../../domain/shared/aggregate.ts';
import type { Decision, DomainEvent } from '../../domain/shared/decider.ts';
import { fold } from '../../domain/shared/decider.ts';
import type { Cause, Wrote } from '../../ports/commands.ts';
import type { Append, NewEvent, RecordedEvent, StreamKey } from '../../ports/eventStore.ts';
import { streamKeyText } from '../../ports/eventStore.ts';
import type { Ids } from '../../ports/ids.ts';
import type { OrderViewChange } from '../../ports/orderViews.ts';
import type { OutboxMessage } from '../../ports/outbox.ts';
import { encodeEnvelope, sourceOf } from '../messaging/envelope.ts';
import type { Loaded, Session, WriteModel } from './work.ts';

/** What a batch knows of one stream: where it stood when it was read, and what was staged on top. */
interface StagedStream {
  readonly tenant: string;
  readonly stream: string;
  readonly storedVersion: number;
  readonly version: number;
  readonly state: unknown;
  readonly events: readonly NewEvent[];
  readonly view: ((firstPosition: number | null) => OrderViewChange) | null;
}

/**
 * The memory of one batch: streams as they were read, and everything that its items have decided so far. Items
 * stage their changes apart and hand them over only when they end well, so a failing item leaves no trace.
 */
export class BatchSession {
  readonly #ids: Ids;
  readonly #stored = new Map<string, RecordedEvent[]>();
  readonly #streams = new Map<string, StagedStream>();
  readonly #messages: OutboxMessage[] = [];

  /** `stored` are the events of all `needed` streams; a stream without events does not exist. */
  constructor(ids: Ids, needed: readonly StreamKey[], stored: readonly RecordedEvent[]) {
    this.#ids = ids;
    for (const key of needed) this.#stored.set(streamKeyText(key), []);
    for (const event of stored) {
      this.#stored.get(streamKeyText(event))?.push(event);
    }
  }

  /** Runs one item; whatever it staged counts only when `run` returns. */
  runItem<Returned>(cause: Cause, run: (session: Session) => Returned): { returned: Returned; wrote: Wrote } {
    const staged = new Map<string, StagedStream>();
    const messages: OutboxMessage[] = [];
    let wrote: Wrote = null;

    const current = <C, E extends DomainEvent, S>(model: WriteModel<C, E, S>, id: string): StagedStream => {
      const stream = `${model.aggregate.category}/${id}`;
      const key = streamKeyText({ tenant: cause.tenant, stream });
      return (
        staged.get(key) ?? this.#streams.get(key) ?? this.#open(model.aggregate, cause.tenant, stream, key)
      );
    };

    const session: Session = {
      load: <C, E extends DomainEvent, S>(model: WriteModel<C, E, S>, id: string): Loaded<S> => {
        const { state, version } = current(model, id);
        // The state was folded by this very aggregate: streams of a category belong to one aggregate.
        return { state: state as S, version };
      },
      execute: <C, E extends DomainEvent, S>(
        model: WriteModel<C, E, S>,
        id: string,
        command: C,
      ): Decision<E> => {
        const before = current(model, id);
        const decision = model.aggregate.decider.decide(command, before.state as S);
        if (!decision.ok || decision.events.length === 0) return decision;
        const after = this.#stage(model, id, cause, before, decision.events, messages);
        staged.set(streamKeyText(after), after);
        wrote = { stream: after.stream, version: after.version };
        return decision;
      },
    };

    const returned = run(session);
    for (const [key, stream] of staged) this.#streams.set(key, stream);
    for (const message of messages) this.#messages.push(message);
    return { returned, wrote };
  }

  get appends(): readonly Append[] {
    return this.#changed().map(({ tenant, stream, storedVersion, events }) => ({
      tenant,
      stream,
      expected: storedVersion === 0 ? 'none' : storedVersion,
      events,
    }));
  }

  get messages(): readonly OutboxMessage[] {
    return this.#messages;
  }

  /** `firstPositions` is what the append of `appends` returned. */
  views(firstPositions: readonly number[]): readonly OrderViewChange[] {
    return this.#changed().flatMap(({ view, storedVersion }, index) =>
      view === null ? [] : [view(storedVersion === 0 ? (firstPositions[index] ?? null) : null)],
    );
  }

  #changed(): StagedStream[] {
    return [...this.#streams.values()].filter((stream) => stream.events.length > 0);
  }

  #open<C, E extends DomainEvent, S>(
    { decider, upcast }: Aggregate<C, E, S>,
    tenant: string,
    stream: string,
    key: string,
  ): StagedStream {
    const stored = this.#stored.get(key);
    if (stored === undefined) throw new Error(`the work did not name ${stream} among the streams it needs`);
    const storedVersion = stored.at(-1)?.version ?? 0;
    const state = fold(decider, stored.map(upcast));
    const opened = { tenant, stream, storedVersion, version: storedVersion, state, events: [], view: null };
    this.#streams.set(key, opened);
    return opened;
  }

  #stage<C, E extends DomainEvent, S>(
    { aggregate, view }: WriteModel<C, E, S>,
    id: string,
    cause: Cause,
    before: StagedStream,
    events: readonly E[],
    messages: OutboxMessage[],
  ): StagedStream {
    const { tenant, stream } = before;
    const { correlationId, causationId, traceparent } = cause;
    const staged: NewEvent[] = [...before.events];
    let state = before.state as S;
    let version = before.version;
    for (const event of events) {
      state = aggregate.decider.evolve(state, event);
      version += 1;
      const eventId = this.#ids.next();
      const trace = { correlationId, causationId, traceparent };
      const schemaVersion = aggregate.schemaVersion(event.type);
      staged.push({
        id: eventId,
        type: event.type,
        schemaVersion,
        time: event.at,
        data: event.data,
        ...trace,
      });
      const message = aggregate.toPublic(event, state, id, version);
      messages.push({
        id: eventId,
        tenant,
        source: sourceOf(stream),
        sequence: version,
        type: publicType(message.name),
        exchange: 'events',
        routingKey: message.name,
        payload: encodeEnvelope(message, {
          id: eventId,
          stream,
          sequence: version,
          time: event.at,
          ...trace,
        }),
        traceparent,
        dueAt: 0,
      });
    }
    return {
      ...before,
      version,
      state,
      events: staged,
      view:
        view === undefined ? null : (firstPosition) => view({ tenant, id, state, version, firstPosition }),
    };
  }
}
