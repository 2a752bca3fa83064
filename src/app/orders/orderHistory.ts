import { orderAggregate } from '../../domain/orders/orderAggregate.ts';
import { publicType } from '../../domain/shared/aggregate.ts';
import { fold } from '../../domain/shared/decider.ts';
import { type EventReader, type RecordedEvent, streamKeyText } from '../../ports/eventStore.ts';
import type { FeedPage, HistoryItem } from '../../ports/orderService.ts';

const { category, decider, upcast, toPublic } = orderAggregate;
const prefix = `${category}/`;

/** Translates one order's events, from version 1 on, in version order. */
export const publicHistory = (events: readonly RecordedEvent[]): HistoryItem[] => {
  let state = decider.initial;
  return events.map((recorded) => {
    const event = upcast(recorded);
    state = decider.evolve(state, event);
    const { version, position, id, time, correlationId, causationId } = recorded;
    const orderId = recorded.stream.slice(prefix.length);
    const { name, data } = toPublic(event, state, orderId, version);
    return { orderId, version, position, id, type: publicType(name), time, data, correlationId, causationId };
  });
};

/** The order as it was after the given events, all of one order, from version 1 on. */
export const foldOrder = (events: readonly RecordedEvent[]) => fold(decider, events.map(upcast));

/** The tenant's order events after a position, over all orders, in position order. Looks at `limit` events at most. */
export const readOrderFeed = async (
  events: EventReader,
  tenant: string,
  after: number,
  limit: number,
): Promise<FeedPage> => {
  const page = await events.readAll(after, limit);
  const ours = page.filter((event) => event.tenant === tenant && event.stream.startsWith(prefix));
  const histories = await wholeHistories(events, ours);
  const wanted = new Set(ours.map(({ position }) => position));
  const items = histories
    .flatMap(publicHistory)
    .filter(({ position }) => wanted.has(position))
    .sort((a, b) => a.position - b.position);
  return { items, position: page.at(-1)?.position ?? after };
};

/** A message tells the status after its event, so each order is read from its start unless the page holds that. */
const wholeHistories = async (
  events: EventReader,
  page: readonly RecordedEvent[],
): Promise<RecordedEvent[][]> => {
  const inPage = byStream(page);
  const cutOff = [...inPage.values()].flatMap(([first]) =>
    first !== undefined && first.version > 1 ? [first] : [],
  );
  const read = byStream(cutOff.length === 0 ? [] : await events.readStreams(cutOff));
  return [...inPage].map(([key, found]) => read.get(key) ?? found);
};

const byStream = (events: readonly RecordedEvent[]): Map<string, RecordedEvent[]> =>
  Map.groupBy(events, streamKeyText);
