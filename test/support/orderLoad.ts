import { placeOverHttp } from './placeOverHttp.ts';

/** Clients that place orders one after the other, for as long as they are accepted. */
export interface OrderLoad {
  /** Ids of the orders that were accepted. */
  readonly accepted: readonly string[];
  /** Resolves when the last request was answered, or broke. */
  stop(): Promise<void>;
}

/** A request that is refused or breaks ends its client: the service stops. */
export const placeOrders = (
  url: string,
  options: { readonly clients: number; readonly onAccepted?: (id: string) => void },
): OrderLoad => {
  const accepted: string[] = [];
  let stopped = false;
  const client = async (): Promise<void> => {
    while (!stopped) {
      const id = await placeOverHttp(url).catch(() => undefined);
      if (id === undefined) return;
      accepted.push(id);
      options.onAccepted?.(id);
    }
  };
  const clients = Promise.all(Array.from({ length: options.clients }, client));
  const stop = async (): Promise<void> => {
    stopped = true;
    await clients;
  };
  return { accepted, stop };
};
