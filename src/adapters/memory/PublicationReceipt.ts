import type { Receipt } from './Entry.ts';

/** Counts the copies of one publication that somebody still has to deal with. */
export class PublicationReceipt implements Receipt {
  abandoned = false;
  private copies = 0;
  private answering = false;
  private readonly onReleased: () => void;

  constructor(onReleased: () => void) {
    this.onReleased = onReleased;
  }

  hold(): void {
    this.copies += 1;
  }

  release(): void {
    this.copies -= 1;
    this.settle();
  }

  /** All copies are out: from now on, none left means done. */
  answerWhenReleased(): void {
    this.answering = true;
    this.settle();
  }

  abandon(): void {
    this.abandoned = true;
  }

  private settle(): void {
    if (this.answering && this.copies === 0) this.onReleased();
  }
}
