import type { AdminAction, AdminActionQuery, Operator } from './adminActions.ts';
import type { OutboxStats } from './outbox.ts';
import type { RelaySwitch } from './relaySwitch.ts';

export type RelayState =
  | 'idle'
  | 'publishing'
  | 'waiting_for_broker'
  | 'blocked'
  | 'paused'
  | 'stopped'
  | 'elsewhere';

export interface OutboxReport extends OutboxStats {
  readonly relay: {
    /**
     * Of the relay of this process. `blocked`: the broker is there, and takes nothing from publishers (memory or disk
     * alarm). `paused` holds for all processes; `stopped` says that it does not run yet, or not any more. `elsewhere`:
     * publishing is left to other processes, of which `lastSuccessAt` tells.
     */
    readonly state: RelayState;
    /** When messages were last marked as published, by whichever process; ms since the epoch, null when none were. */
    readonly lastSuccessAt: number | null;
  };
}

/**
 * What operators can do with the outbox and the relays. Every action is recorded in the transaction of its effect. All
 * reject with `StoreUnavailable` while the database is away.
 */
export interface OperationsService {
  outbox(): Promise<OutboxReport>;
  /** Offers what was set aside again, and what is put off at once; returns how many messages. */
  retryOutbox(operator: Operator): Promise<number>;
  /** Holds for every relay on this database, also after restarts, until it is changed. */
  pauseRelay(operator: Operator, paused: boolean): Promise<RelaySwitch>;
  relaySwitch(): Promise<RelaySwitch>;
  /** Newest first. */
  actions(query: AdminActionQuery): Promise<readonly AdminAction[]>;
}
