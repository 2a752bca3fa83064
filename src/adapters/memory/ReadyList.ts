interface Positioned {
  readonly position: number;
}

/**
 * Waiting messages by position. Taking from the head and adding at the tail cost nothing; giving back finds the old
 * place again.
 */
export class ReadyList<T extends Positioned> {
  private items: T[] = [];
  private head = 0;

  get size(): number {
    return this.items.length - this.head;
  }

  first(): T | undefined {
    return this.items[this.head];
  }

  takeFirst(): T | undefined {
    const item = this.items[this.head];
    if (item === undefined) return undefined;
    this.head += 1;
    // What was taken is let go of in chunks, so that taking is cheap and nothing is kept for long.
    if (this.head === this.items.length || this.head >= 1024) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }

  /** Puts it at its position: the tail for a new one, its old place for one that is given back. */
  insert(item: T): void {
    let low = this.head;
    let high = this.items.length;
    const last = this.items[high - 1];
    if (last === undefined || high === low || last.position < item.position) {
      this.items.push(item);
      return;
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.items[middle]!.position < item.position) low = middle + 1;
      else high = middle;
    }
    this.items.splice(low, 0, item);
  }

  removeWhere(unwanted: (item: T) => boolean): readonly T[] {
    const waiting = this.items.slice(this.head);
    const removed = waiting.filter(unwanted);
    if (removed.length > 0) {
      this.items = waiting.filter((item) => !unwanted(item));
      this.head = 0;
    }
    return removed;
  }
}
