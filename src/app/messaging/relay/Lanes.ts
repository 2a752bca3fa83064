import type { OutboxCursor, PendingMessage } from '../../../ports/outbox.ts';
import { partitionCount } from '../../../ports/outbox.ts';
import { Fifo } from './Fifo.ts';

/** The messages of one source that are in memory, at most one of them in flight. */
export interface Lane {
  readonly key: string;
  readonly tenant: string;
  readonly source: string;
  readonly partition: number;
  /** Accepted and not yet answered for, next first; the first one may be in flight. */
  readonly queue: PendingMessage[];
  /** The highest sequence that was accepted. */
  tail: number;
  inFlight: boolean;
  /** Answered by the broker, with the answer not yet written to the outbox. */
  unwritten: number;
  /** Takes nothing more, and goes when nothing of it is in flight or unwritten. */
  closed: boolean;
  /** Where reading must go on to find the rows that had no room here. */
  resumeAt: OutboxCursor | null;
}

/**
 * `taken`: in a lane now. `known`: in memory already, or its lane is closing. `held`: its turn has not come, and its
 * predecessor is not in memory. `full`: its turn would come, but there is no room.
 */
export type Take = 'taken' | 'known' | 'held' | 'full';

/**
 * What keeps the order per source. A message is taken when everything before it is marked as published in the
 * outbox (`headSequence`), or when it follows directly on one that this relay holds; it is sent when that one was
 * confirmed. Nothing here knows of leases: order does not depend on them.
 *
 * A lane stays until its answers are written, and until no reading is under way that began before that: such a
 * reading still shows the rows as unpublished, and would send them again.
 */
export class Lanes {
  private readonly capacity: number;
  private readonly capacityUnwritten: number;
  private readonly lanes = new Map<string, Lane>();
  private readonly ready = new Fifo<Lane>();
  private readonly busy = new Uint32Array(partitionCount);
  private reading = false;
  private finished: Lane[] = [];
  private rows = 0;
  private characters = 0;
  private flying = 0;
  private unwritten = 0;

  /**
   * `capacity` bounds the messages in memory, waiting and in flight. `capacityUnwritten` bounds those and what is left
   * of the answered ones until that is written, which is little: a slow disk must not keep the broker waiting.
   */
  constructor(capacity: number, capacityUnwritten: number) {
    this.capacity = capacity;
    this.capacityUnwritten = capacityUnwritten;
  }

  /** How many more messages there is room for. */
  get free(): number {
    return Math.min(this.capacity, this.capacityUnwritten - this.unwritten) - this.rows;
  }

  get isEmpty(): boolean {
    return this.rows === 0 && this.unwritten === 0;
  }

  /** Length of all payloads in memory. */
  get payloadLength(): number {
    return this.characters;
  }

  get inFlight(): number {
    return this.flying;
  }

  /** How many messages of a partition are in flight or unwritten. */
  busyIn(partition: number): number {
    return this.busy[partition] ?? 0;
  }

  /** Between these two calls no lane goes away. */
  beginReading(): void {
    this.reading = true;
  }

  endReading(): void {
    this.reading = false;
    const finished = this.finished;
    this.finished = [];
    for (const lane of finished) this.removeIfDone(lane);
  }

  get(tenant: string, source: string): Lane | undefined {
    return this.lanes.get(laneKey(tenant, source));
  }

  /** `before` is the place of the row read before this one: where to read on when there is no room. */
  take(row: PendingMessage, before: OutboxCursor | undefined): Take {
    const key = laneKey(row.tenant, row.source);
    const lane = this.lanes.get(key);
    if (lane === undefined) {
      if (row.sequence !== row.headSequence) return 'held';
      if (this.free <= 0) return 'full';
      this.add(this.open(key, row), row);
      return 'taken';
    }
    if (lane.closed || row.sequence <= lane.tail) return 'known';
    if (row.sequence !== lane.tail + 1 || !this.hasRoom(lane)) {
      lane.resumeAt ??= before ?? startOfOutbox;
      return 'full';
    }
    this.add(lane, row);
    return 'taken';
  }

  /**
   * The next lane with something to send, which counts as in flight from now on. Lanes of partitions that may not
   * be sent from are closed on the way.
   */
  nextToSend(maySend: (partition: number) => boolean): Lane | undefined {
    for (;;) {
      const lane = this.ready.shift();
      if (lane === undefined) return undefined;
      if (lane.closed) continue;
      if (!maySend(lane.partition)) {
        this.close(lane);
        continue;
      }
      lane.inFlight = true;
      this.flying += 1;
      this.occupy(lane.partition, 1);
      return lane;
    }
  }

  /** The message in flight was answered: it leaves the queue, and `written` is due for it. */
  answered(lane: Lane): PendingMessage {
    this.landed(lane);
    const message = lane.queue.shift();
    if (message === undefined) throw new Error(`lane ${lane.key} has nothing in flight`);
    this.forget(message);
    lane.unwritten += 1;
    this.unwritten += 1;
    if (!lane.closed && lane.queue.length > 0) this.ready.push(lane);
    return message;
  }

  /** The message in flight was not answered: it is to be sent again. */
  unanswered(lane: Lane): void {
    this.landed(lane);
    this.occupy(lane.partition, -1);
    if (lane.closed) this.clear(lane);
    else this.ready.push(lane);
    this.removeIfDone(lane);
  }

  /** One answer of the lane stands in the outbox, or never will. */
  written(lane: Lane): void {
    lane.unwritten -= 1;
    this.unwritten -= 1;
    this.occupy(lane.partition, -1);
    this.removeIfDone(lane);
  }

  /** Drops what waits in the lane, and lets the lane go when what it has under way is done. */
  close(lane: Lane): void {
    lane.closed = true;
    lane.resumeAt = null;
    this.clear(lane);
    this.removeIfDone(lane);
  }

  closeWhere(matches: (lane: Lane) => boolean): void {
    for (const lane of [...this.lanes.values()]) if (matches(lane)) this.close(lane);
  }

  /** A lane gets a quarter of what is free: a busy source leaves room for others, and yet seldom runs dry. */
  private hasRoom(lane: Lane): boolean {
    return this.free > 0 && lane.queue.length < Math.max(16, this.free / 4);
  }

  private open(key: string, row: PendingMessage): Lane {
    const lane: Lane = {
      key,
      tenant: row.tenant,
      source: row.source,
      partition: row.partition,
      queue: [],
      tail: row.sequence,
      inFlight: false,
      unwritten: 0,
      closed: false,
      resumeAt: null,
    };
    this.lanes.set(key, lane);
    return lane;
  }

  private add(lane: Lane, row: PendingMessage): void {
    lane.queue.push(row);
    lane.tail = row.sequence;
    this.rows += 1;
    this.characters += row.payload.length;
    if (lane.queue.length === 1 && !lane.inFlight) this.ready.push(lane);
  }

  private landed(lane: Lane): void {
    lane.inFlight = false;
    this.flying -= 1;
  }

  private clear(lane: Lane): void {
    const keep = lane.inFlight ? 1 : 0;
    for (const message of lane.queue.splice(keep)) this.forget(message);
  }

  private forget(message: PendingMessage): void {
    this.rows -= 1;
    this.characters -= message.payload.length;
  }

  private occupy(partition: number, change: number): void {
    this.busy[partition] = (this.busy[partition] ?? 0) + change;
  }

  private removeIfDone(lane: Lane): void {
    if (lane.inFlight || lane.unwritten > 0 || lane.queue.length > 0) return;
    if (this.reading) this.finished.push(lane);
    else this.lanes.delete(lane.key);
  }
}

const startOfOutbox: OutboxCursor = { dueAt: -1, row: 0 };

const laneKey = (tenant: string, source: string): string => `${tenant}\n${source}`;
