/** How long a row is left alone after its first failure, doubled with each one, and at most. */
const firstMs = 1_000;
const maxMs = 60_000;

/** Rows that failed by themselves: each waits longer and longer, so that none of them holds up the others. */
export class FailedRows {
  readonly #rows = new Map<string, { readonly failures: number; readonly until: number }>();

  add(id: string, now: number): void {
    const failures = (this.#rows.get(id)?.failures ?? 0) + 1;
    this.#rows.set(id, { failures, until: now + Math.min(maxMs, firstMs * 2 ** (failures - 1)) });
  }

  isLeftAlone(id: string, now: number): boolean {
    return now < (this.#rows.get(id)?.until ?? 0);
  }

  /** Those that are not among `ids` have been settled. */
  forgetOthers(ids: ReadonlySet<string>): void {
    for (const id of this.#rows.keys()) if (!ids.has(id)) this.#rows.delete(id);
  }
}
