import type { Clock } from '../../../ports/clock.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { Outbox, OutboxCursor, PendingMessage } from '../../../ports/outbox.ts';
import { Bell } from '../Bell.ts';
import { type Backoff, backoffDelay } from '../backoff.ts';
import type { Lane, Lanes } from './Lanes.ts';
import { type LaneSource, OutboxScan, type PageRequest, type PageSummary } from './OutboxScan.ts';
import { PageSize } from './PageSize.ts';

interface OutboxReaderOptions {
  readonly outbox: Outbox;
  readonly lanes: Lanes;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly backoff: Backoff;
  readonly random: () => number;
  readonly pollMs: number;
  readonly pageSize: number;
  readonly maxPayloads: number;
  /** The partitions to read, none while nothing may be sent. */
  readonly partitions: () => readonly number[];
  /** There may be something to send. */
  readonly onRows: () => void;
}

/** A lane with so little left asks for its next rows, while these are on their way to the broker. */
const lowWater = 8;

/** Fills the lanes from the outbox, as far as there is room; rests when there is nothing to find. */
export class OutboxReader {
  private readonly options: OutboxReaderOptions;
  private readonly bell: Bell;
  private readonly scan: OutboxScan;
  private readonly size: PageSize;
  private readonly stopping = new AbortController();
  /** Rows were passed over because their predecessors are not published and not in memory. */
  private heldBack = false;
  private failures = 0;
  private running: Promise<void> = Promise.resolve();

  constructor(options: OutboxReaderOptions) {
    this.options = options;
    this.bell = new Bell(options.clock);
    this.scan = new OutboxScan(options.pollMs);
    this.size = new PageSize(options.pageSize, options.maxPayloads);
  }

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.bell.ring();
    await this.running;
  }

  lookForNew(): void {
    this.scan.lookForNew();
    this.bell.ring();
  }

  /** Begins at the start again. */
  lookForAll(): void {
    this.scan.restart();
    this.bell.ring();
  }

  /** There may be room again, or the broker or the leases are back. */
  goOn(): void {
    this.bell.ring();
  }

  /** The lane has fewer waiting than before. */
  refill(lane: Lane): void {
    if (lane.resumeAt === null || lane.queue.length > lowWater) return;
    this.scan.lookForLane(lane, lane.resumeAt);
    lane.resumeAt = null;
    this.bell.ring();
  }

  /** A message that was put off before stands as published now: what was held behind it may be free to go. */
  released(): void {
    if (this.heldBack) this.scan.lookForAll();
  }

  /** A message stands as put off in the outbox, and its followers are held behind it. */
  putOffUntil(dueAt: number): void {
    this.heldBack = true;
    this.scan.expect(dueAt);
    this.bell.ring();
  }

  private async run(): Promise<void> {
    const { clock, pollMs, lanes } = this.options;
    while (!this.stopping.signal.aborted) {
      const partitions = this.options.partitions();
      const limit = this.size.next(lanes.free, lanes.payloadLength);
      if (limit === 0 || partitions.length === 0) {
        await this.bell.rest(pollMs);
        continue;
      }
      const now = clock.now();
      const request = this.scan.next(now);
      if (request !== null) await this.read(request, partitions, limit);
      else await this.bell.rest(Math.min(pollMs, Math.max(1, this.scan.restMs(now))));
    }
  }

  private async read(request: PageRequest, partitions: readonly number[], limit: number): Promise<void> {
    const { outbox, clock, logger, onRows } = this.options;
    const now = clock.now();
    try {
      const query = { partitions, now, limit };
      const { after } = request;
      const passEnded = await this.readPage(request, after === undefined ? query : { ...query, after });
      onRows();
      if (passEnded) this.scan.expect((await outbox.nextDueAt(now)) ?? Number.POSITIVE_INFINITY);
      if (this.failures > 0) logger.info({}, 'the outbox can be read again');
      this.failures = 0;
    } catch (err) {
      await this.backOff(err);
    }
  }

  private async readPage(request: PageRequest, query: Parameters<Outbox['readDue']>[0]): Promise<boolean> {
    const { outbox, clock, lanes } = this.options;
    lanes.beginReading();
    try {
      const rows = await outbox.readDue(query);
      if (this.stopping.signal.aborted) return false;
      this.size.seen(rows);
      if (request.kind === 'all' && request.after === undefined) this.heldBack = false;
      const page = this.fillLanes(rows, query, clock.now() - query.now);
      if (request.source !== undefined && page.full) this.readOn(request.source, page.last);
      return this.scan.done(request, page, clock.now());
    } finally {
      lanes.endReading();
    }
  }

  private fillLanes(
    rows: readonly PendingMessage[],
    query: { readonly limit: number; readonly after?: OutboxCursor },
    tookMs: number,
  ): PageSummary {
    let last = query.after;
    let lastUndelayed: number | undefined;
    let taken = 0;
    for (const row of rows) {
      const take = this.options.lanes.take(row, last);
      if (take === 'taken') taken += 1;
      else if (take === 'held') this.heldBack = true;
      if (row.dueAt === 0) lastUndelayed = row.row;
      last = { dueAt: row.dueAt, row: row.row };
    }
    return { full: rows.length >= query.limit, last, lastUndelayed, rows: rows.length, taken, tookMs };
  }

  /** The page ended before the lane was full: there may be more for it. */
  private readOn(source: LaneSource, from: OutboxCursor | undefined): void {
    if (from === undefined) return;
    const lane = this.options.lanes.get(source.tenant, source.source);
    if (lane === undefined) this.scan.lookForLane(source, from);
    else if (!lane.closed && lane.resumeAt === null) {
      lane.resumeAt = from;
      this.refill(lane);
    }
  }

  private async backOff(err: unknown): Promise<void> {
    const { logger, clock, backoff, random } = this.options;
    this.failures += 1;
    this.scan.restart();
    if (this.failures === 1) logger.warn({ err }, 'the outbox cannot be read; trying again');
    await clock.sleep(backoffDelay(this.failures, backoff, random), this.stopping.signal);
  }
}
