/** Who acts, and for which tenant. */
export interface Operator {
  readonly tenant: string;
  readonly who: string;
}

/** What an operator did: who, what and when. */
export interface AdminAction {
  /** Time-ordered. */
  readonly id: string;
  readonly tenant: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly who: string;
  readonly what: 'redrive' | 'discard' | 'cancel' | 'retry' | 'pause' | 'resume' | 'replay';
  /** How many messages it is about, as far as that is known; 0 for what is about none. */
  readonly messages: number;
  /** The selection, the job, the reason: JSON. */
  readonly detail: string;
}

export interface AdminActionQuery {
  readonly tenant: string;
  /** Only actions with a smaller id: the earlier ones. */
  readonly before?: string;
  readonly limit: number;
}

/** Works inside a unit of work: an action is recorded together with its effect, or not at all. */
export interface ActionRecorder {
  record(action: AdminAction): Promise<void>;
}

export interface ActionReader {
  /** Newest first. */
  list(query: AdminActionQuery): Promise<readonly AdminAction[]>;
}
