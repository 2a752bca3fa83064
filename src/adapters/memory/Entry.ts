import type { BrokerMessage } from '../../ports/broker.ts';

/** A message as a queue holds it. */
export interface RoutedMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly message: BrokerMessage;
}

/** Somebody who waits until the last copy of a publication is done with. Each copy holds it once. */
export interface Receipt {
  readonly abandoned: boolean;
  hold(): void;
  release(): void;
}

export interface Entry {
  readonly position: number;
  readonly routed: RoutedMessage;
  readonly receipt: Receipt | null;
  /** Milliseconds since the epoch; infinite without a time to live. */
  readonly expiresAt: number;
  /** How often it was given back. */
  returns: number;
}
