import type { PendingMessage } from '../../../ports/outbox.ts';

const firstLimit = 64;

/**
 * How many rows to read at once: as many as there is room for, by number and by the size of their payloads. That size
 * is not known before reading, so the first pages are small and the others go by the average of the last one.
 */
export class PageSize {
  private readonly most: number;
  private readonly maxPayloads: number;
  private limit = firstLimit;
  private average = 1;

  /** `most` rows at once; `maxPayloads` is the length of all payloads in memory, in characters. */
  constructor(most: number, maxPayloads: number) {
    this.most = most;
    this.maxPayloads = maxPayloads;
  }

  /** The number of rows to read, 0 while there is too little room to make it worth while. */
  next(freeRows: number, payloadsInMemory: number): number {
    if (freeRows < this.most / 2) return 0;
    const budget = this.maxPayloads - payloadsInMemory;
    if (budget < this.maxPayloads / 4) return 0;
    const byPayload = Math.max(1, Math.floor(budget / this.average));
    return Math.min(this.most, freeRows, this.limit, byPayload);
  }

  seen(rows: readonly PendingMessage[]): void {
    if (rows.length === 0) return;
    let sum = 0;
    for (const row of rows) sum += row.payload.length;
    this.average = Math.max(1, sum / rows.length);
    this.limit = Math.min(this.most, this.limit * 4);
  }
}
