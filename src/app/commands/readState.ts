import type { DomainEvent } from '../../domain/shared/decider.ts';
import { fold } from '../../domain/shared/decider.ts';
import type { Stores } from '../../ports/stores.ts';
import { startingAfter } from './snapshots.ts';
import type { Loaded, WriteModel } from './work.ts';

/** An aggregate as it is now, for queries: from its snapshot, where it has one, and the events since. */
export const readState = async <Command, Event extends DomainEvent, State>(
  { aggregate, snapshots }: WriteModel<Command, Event, State>,
  stores: Pick<Stores, 'events' | 'snapshots'>,
  tenant: string,
  id: string,
): Promise<Loaded<State>> => {
  const key = { tenant, stream: `${aggregate.category}/${id}` };
  const found = snapshots && (await stores.snapshots.find([{ ...key, schema: snapshots.schema }]));
  const snapshot = found?.[0];
  const stored = await stores.events.readStreams(startingAfter([key], snapshot ? [snapshot] : []));
  const from = snapshot && snapshots?.decode(snapshot.state);
  return {
    state: fold(aggregate.decider, stored.map(aggregate.upcast), from),
    version: stored.at(-1)?.version ?? snapshot?.version ?? 0,
  };
};
