import type { RecordedEvent } from '../../ports/eventStore.ts';
import type { Stores } from '../../ports/stores.ts';
import { sourceOf, taskSource } from '../messaging/envelope.ts';
import type { Findings } from './causalTree.ts';

type Database = Pick<Stores, 'events' | 'trace'>;

/** The streams that are named after an order, in whichever context. */
const categories = ['orders', 'reservations', 'sales', 'notifications'];

/** Looks for an order in the databases of all contexts. */
export const findOrder = async (
  databases: readonly Database[],
  tenant: string,
  orderId: string,
): Promise<Findings> => {
  const streams = categories.map((category) => ({ tenant, stream: `${category}/${orderId}` }));
  const events = await gather(databases, ({ events: reader }) => reader.readStreams(streams));
  const caused = await causedByThese(databases, tenant, events);
  return withMessages(databases, tenant, [...events, ...caused]);
};

/**
 * Looks for everything that followed from a request, by its id or its trace id, through all events there are.
 * `onProgress` hears how many events of how many were looked at.
 */
export const findRequest = async (
  databases: readonly Database[],
  tenant: string,
  id: string,
  onProgress: (seen: number, total: number) => void,
): Promise<Findings> => {
  const total = (await Promise.all(databases.map(({ events }) => events.lastPosition()))).reduce(
    (a, b) => a + b,
    0,
  );
  let before = 0;
  const found = await gather(databases, async ({ events: reader }) => {
    const matching: RecordedEvent[] = [];
    let position = 0;
    for (;;) {
      const page = await reader.readAll(position, pageSize);
      const last = page.at(-1);
      if (last === undefined) break;
      position = last.position;
      matching.push(...page.filter((event) => event.tenant === tenant && followsFrom(event, id)));
      onProgress(before + position, total);
    }
    before += position;
    return matching;
  });
  return withMessages(databases, tenant, found);
};

const pageSize = 5_000;

const followsFrom = ({ correlationId, traceparent }: RecordedEvent, id: string): boolean =>
  correlationId === id || traceparent?.split('-')[1] === id;

/** Effects on streams that are not named after the order, such as the points of its customer. */
const causedByThese = async (
  databases: readonly Database[],
  tenant: string,
  events: readonly RecordedEvent[],
): Promise<readonly RecordedEvent[]> => {
  const customers = events.flatMap(({ data }) => ('customerId' in data ? [String(data.customerId)] : []));
  const streams = [...new Set(customers)].map((customer) => ({ tenant, stream: `points/${customer}` }));
  const ids = new Set(events.map(({ id }) => id));
  const found = await gather(databases, ({ events: reader }) => reader.readStreams(streams));
  return found.filter(({ causationId }) => ids.has(causationId));
};

const withMessages = async (
  databases: readonly Database[],
  tenant: string,
  events: readonly RecordedEvent[],
): Promise<Findings> => {
  const streams = [...new Set(events.map(({ stream }) => stream))];
  const deadlines = streams.flatMap(deadlineSource);
  const sources = [...streams.map(sourceOf), ...deadlines];
  const ids = new Set(events.map(({ id }) => id));
  const tasks = [...new Set(events.map(({ causationId }) => causationId).filter((id) => !ids.has(id)))];
  const messages = await gather(databases, ({ trace }) => trace.outbox(tenant, sources, tasks));
  return {
    events,
    // Streams such as a customer's points have messages that belong to other orders.
    messages: messages.filter(
      ({ id, source }) => ids.has(id) || tasks.includes(id) || deadlines.includes(source),
    ),
    gates: await gather(databases, ({ trace }) => trace.gates(tenant, sources)),
    waiting: await gather(databases, ({ trace }) => trace.waiting(tenant, sources)),
  };
};

/** An order's deadline is a task that nothing has followed from yet. */
const deadlineSource = (stream: string): readonly string[] =>
  stream.startsWith('orders/') ? [taskSource(`expire-${stream.slice('orders/'.length)}`)] : [];

const gather = async <Item>(
  databases: readonly Database[],
  read: (database: Database) => Promise<readonly Item[]>,
): Promise<readonly Item[]> => {
  const found: Item[] = [];
  for (const database of databases) found.push(...(await read(database)));
  return found;
};
