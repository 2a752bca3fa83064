/** Whether the relays of this database may publish: one row, so that it holds for all of them and survives restarts. */
export interface RelaySwitch {
  readonly paused: boolean;
  /** Milliseconds since the epoch; null when nobody has ever changed it. */
  readonly changedAt: number | null;
  readonly changedBy: string | null;
}

export interface RelaySwitchReader {
  /** Not paused at first. */
  read(): Promise<RelaySwitch>;
}

/** Works inside a unit of work. */
export interface RelaySwitchKeeper {
  set(state: { readonly paused: boolean; readonly at: number; readonly by: string }): Promise<void>;
}
