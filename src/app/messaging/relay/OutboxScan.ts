import type { OutboxCursor } from '../../../ports/outbox.ts';

/** The next page to read. */
export interface PageRequest {
  readonly kind: 'all' | 'new' | 'lane';
  readonly after: OutboxCursor | undefined;
  /** For `lane`: the source that runs low. */
  readonly source?: LaneSource;
}

export interface LaneSource {
  readonly tenant: string;
  readonly source: string;
}

/** What was in a page. */
export interface PageSummary {
  readonly full: boolean;
  readonly last: OutboxCursor | undefined;
  /** The highest row that was there to be published from the start (dueAt 0). */
  readonly lastUndelayed: number | undefined;
  readonly rows: number;
  readonly taken: number;
  readonly tookMs: number;
}

interface Pass {
  readonly kind: 'all' | 'new';
  after: OutboxCursor | undefined;
  /** Milliseconds spent on reading rows that were of no use. */
  wastedMs: number;
  lastUndelayed: number | undefined;
}

/** A full pass is repeated after at least this many times the time that the last one wasted. */
const restPerWaste = 10;

/**
 * Decides what to read next. A pass goes through the outbox by cursor, page by page, so that no row is read over and
 * over while a backlog drains. A `new` pass begins behind the last row known, which is all that a commit needs; it
 * takes in every delayed row that is due, as those come last in reading order. An `all` pass begins at the start: it
 * finds what became free to go behind the cursor, and what was committed late. A `lane` request goes back to the
 * rows of one busy source that had no room in memory before.
 */
export class OutboxScan {
  private readonly pollMs: number;
  private wantNew = false;
  private wantAll = true;
  private polledAt = 0;
  private nextPollAt = 0;
  private nextDueAt = Number.POSITIVE_INFINITY;
  private tail: number | undefined;
  private pass: Pass | null = null;
  private readonly lanes: PageRequest[] = [];
  private laneTurn = false;

  /** `pollMs`: how often an `all` pass runs without any cause. */
  constructor(pollMs: number) {
    this.pollMs = pollMs;
  }

  lookForNew(): void {
    this.wantNew = true;
  }

  /** After the pass under way, if there is one. */
  lookForAll(): void {
    this.wantAll = true;
  }

  /** Begins again at the start, whatever was under way. */
  restart(): void {
    this.pass = null;
    this.lanes.length = 0;
    this.wantAll = true;
  }

  /** Reads on from `after` for a source whose lane runs low. */
  lookForLane(source: LaneSource, after: OutboxCursor): void {
    this.lanes.push({ kind: 'lane', after, source });
  }

  /** A message is due at this time. */
  expect(dueAt: number): void {
    this.nextDueAt = Math.min(this.nextDueAt, dueAt);
  }

  /** Milliseconds until there is something to read without any further cause. */
  restMs(now: number): number {
    return Math.max(0, Math.min(this.nextPollAt, this.nextDueAt) - now);
  }

  /** What to read now, if anything; `done` must follow before the next call. */
  next(now: number): PageRequest | null {
    this.laneTurn = !this.laneTurn;
    if (this.laneTurn && this.lanes.length > 0) return this.lanes.shift() ?? null;
    this.pass ??= this.begin(now);
    if (this.pass !== null) return { kind: this.pass.kind, after: this.pass.after };
    return this.lanes.shift() ?? null;
  }

  /** Takes note of a page; tells whether a pass ended with it. */
  done(request: PageRequest, page: PageSummary, now: number): boolean {
    const pass = this.pass;
    if (request.kind === 'lane' || pass === null) return false;
    if (page.rows > 0) pass.wastedMs += page.tookMs * (1 - page.taken / page.rows);
    pass.lastUndelayed = page.lastUndelayed ?? pass.lastUndelayed;
    pass.after = page.last ?? pass.after;
    if (page.full) return false;
    this.end(pass, now);
    return true;
  }

  private begin(now: number): Pass | null {
    // The wall clock may have been set back, and the next poll be far away by it.
    const all = this.wantAll || now >= this.nextPollAt || now < this.polledAt;
    const due = now >= this.nextDueAt;
    if (!all && !this.wantNew && !due) return null;
    this.wantNew = false;
    if (due) this.nextDueAt = Number.POSITIVE_INFINITY;
    if (all) this.wantAll = false;
    const fromStart = all || this.tail === undefined;
    return {
      kind: fromStart ? 'all' : 'new',
      after: fromStart ? undefined : { dueAt: 0, row: this.tail ?? 0 },
      wastedMs: 0,
      lastUndelayed: undefined,
    };
  }

  private end(pass: Pass, now: number): void {
    this.pass = null;
    if (pass.kind === 'all') this.tail = pass.lastUndelayed;
    else this.tail = pass.lastUndelayed ?? this.tail;
    if (pass.kind !== 'all') return;
    this.polledAt = now;
    this.nextPollAt = now + Math.max(this.pollMs, restPerWaste * pass.wastedMs);
  }
}
