/**
 * Unique, time-ordered ids (UUIDv7). Ids made later in one process sort after earlier ones: B-tree indexes then
 * grow at their right edge, which doubled the intake rate over random ids.
 */
export interface Ids {
  next(): string;
}
