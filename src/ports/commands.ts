/** Who asked, and in which trace. Copied onto every event and message that follows. */
export interface Cause {
  readonly tenant: string;
  readonly correlationId: string;
  readonly causationId: string;
  /** W3C trace context, or null. */
  readonly traceparent: string | null;
}

/** Makes a command repeatable: the same key and request get the first answer again. */
export interface Repeatable<Outcome> {
  readonly caller: string;
  readonly key: string;
  /** Same request, same fingerprint. */
  readonly fingerprint: string;
  /** What repetitions are answered, opaque to the application; null keeps nothing, and the next copy runs anew. */
  readonly remember: (outcome: Outcome) => string | null;
}

/** The last public message of a command, by its stream and sequence; null when it published nothing. */
export type Wrote = { readonly stream: string; readonly sequence: number } | null;

export type CommandResult<Outcome> =
  | { readonly kind: 'done'; readonly outcome: Outcome; readonly wrote: Wrote }
  | { readonly kind: 'replayed'; readonly answer: string; readonly wrote: Wrote }
  | { readonly kind: 'key_reused' };

/** No more is taken: too much is waiting, or the service is stopping. Nothing was done; try again later. */
export class Overloaded extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Overloaded';
  }
}
