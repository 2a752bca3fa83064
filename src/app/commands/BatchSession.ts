import type { Decision, DomainEvent } from '../../domain/shared/decider.ts';
import type { Cause, Wrote } from '../../ports/commands.ts';
import type { Append, NewEvent, StreamKey } from '../../ports/eventStore.ts';
import { streamKeyText } from '../../ports/eventStore.ts';
import type { Ids } from '../../ports/ids.ts';
import type { OrderViewChange } from '../../ports/orderViews.ts';
import type { OutboxMessage } from '../../ports/outbox.ts';
import type { Snapshot } from '../../ports/snapshots.ts';
import { encodeTask, taskSource } from '../messaging/envelope.ts';
import { publicMessage } from '../messaging/publicMessage.ts';
import type { RecentStream } from './RecentStreams.ts';
import { openStream, type StagedStream, toRecent } from './stagedStream.ts';
import type { StoredStream } from './storedStreams.ts';
import type { Loaded, Session, Task, WriteModel } from './work.ts';

/**
 * The memory of one batch: streams as they were read, and everything that its items have decided so far. Items
 * stage their changes apart and hand them over only when they end well, so a failing item leaves no trace.
 */
export class BatchSession {
  readonly #ids: Ids;
  readonly #stored = new Map<string, StoredStream>();
  readonly #streams = new Map<string, StagedStream>();
  readonly #messages: OutboxMessage[] = [];

  constructor(ids: Ids) {
    this.#ids = ids;
  }

  /** Hands over what was read, by `streamKeyText`. */
  add(stored: ReadonlyMap<string, StoredStream>): void {
    for (const [key, stream] of stored) this.#stored.set(key, stream);
  }

  has(key: StreamKey): boolean {
    return this.#stored.has(streamKeyText(key));
  }

  /** Runs one item; whatever it staged counts only when `run` returns. */
  runItem<Returned>(cause: Cause, run: (session: Session) => Returned): { returned: Returned; wrote: Wrote } {
    const staged = new Map<string, StagedStream>();
    const messages: OutboxMessage[] = [];
    let wrote: Wrote = null;

    const current = <C, E extends DomainEvent, S>(model: WriteModel<C, E, S>, id: string): StagedStream => {
      const stream = `${model.aggregate.category}/${id}`;
      const key = streamKeyText({ tenant: cause.tenant, stream });
      return staged.get(key) ?? this.#streams.get(key) ?? this.#open(model, cause.tenant, stream, key);
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
        staged.set(after.key, after);
        if (after.published > before.published) wrote = { stream: after.stream, sequence: after.published };
        return decision;
      },
      send: (task) => {
        messages.push(taskMessage(task, cause, this.#ids));
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

  /** Of the streams that have grown long enough since their last one. */
  get snapshots(): readonly Snapshot[] {
    return this.#changed().flatMap(({ snapshot }) => (snapshot === null ? [] : [snapshot()]));
  }

  /** Takes what the append of `appends` returned. */
  appended(firstPositions: readonly number[]): void {
    for (const [index, stream] of this.#changed().entries()) {
      if (stream.storedVersion > 0) continue;
      this.#streams.set(stream.key, { ...stream, firstPosition: firstPositions[index] ?? null });
    }
  }

  /** To be asked for once everything is appended. */
  get views(): readonly OrderViewChange[] {
    return this.#changed().flatMap(({ view, firstPosition }) => (view === null ? [] : [view(firstPosition)]));
  }

  /** Once everything is appended: the streams that its works have used, for batches to come, by `streamKeyText`. */
  *used(): Iterable<readonly [string, RecentStream]> {
    for (const [key, stream] of this.#streams) yield [key, toRecent(stream)];
  }

  #changed(): StagedStream[] {
    return [...this.#streams.values()].filter((stream) => stream.events.length > 0);
  }

  #open<C, E extends DomainEvent, S>(
    model: WriteModel<C, E, S>,
    tenant: string,
    stream: string,
    key: string,
  ): StagedStream {
    const stored = this.#stored.get(key);
    if (stored === undefined) throw new Error(`the work did not name ${stream} among the streams it needs`);
    const opened = openStream(model, { key, tenant, stream }, stored);
    this.#streams.set(key, opened);
    return opened;
  }

  #stage<C, E extends DomainEvent, S>(
    { aggregate, view, snapshots }: WriteModel<C, E, S>,
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
    let { version, published } = before;
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
      if (aggregate.isPublic?.(event.type) === false) continue;
      published += 1;
      const place = { tenant, stream, eventId, version, sequence: published, ...trace };
      messages.push(publicMessage(aggregate, event, state, place));
    }
    const due = snapshots !== undefined && version - before.snapshotVersion >= snapshots.every;
    return {
      ...before,
      version,
      published,
      state,
      events: staged,
      view:
        view === undefined ? null : (firstPosition) => view({ tenant, id, state, version, firstPosition }),
      snapshot: due
        ? () => ({
            tenant,
            stream,
            version,
            published,
            schema: snapshots.schema,
            state: snapshots.encode(state),
          })
        : null,
    };
  }
}

const taskMessage = (task: Task, cause: Cause, ids: Ids): OutboxMessage => {
  const { tenant, correlationId, causationId, traceparent } = cause;
  const { id = ids.next(), queue, type, data, time, dueAt } = task;
  const source = taskSource(id);
  return {
    id,
    tenant,
    source,
    sequence: 1,
    type,
    exchange: 'tasks',
    routingKey: queue,
    payload: encodeTask({ id, source, type, time, data, correlationId, causationId, traceparent }),
    traceparent,
    dueAt,
  };
};
