import {
  type EventReader,
  type RecordedEvent,
  type StreamStretch,
  streamKeyText,
} from '../../../ports/eventStore.ts';

const eventsAtOnce = 10_000;

/** Reads parts of streams, each named once, some events of each at a time: long ones are never held whole. */
export async function* readStretches(
  events: Pick<EventReader, 'readStreams'>,
  parts: readonly StreamStretch[],
): AsyncGenerator<readonly RecordedEvent[]> {
  for (let rest = parts; rest.length > 0; ) {
    const each = Math.ceil(eventsAtOnce / rest.length);
    const wanted = rest.map((part) => {
      const through = Math.min((part.after ?? 0) + each, part.through ?? Number.MAX_SAFE_INTEGER);
      return { part, through };
    });
    const read = await events.readStreams(wanted.map(({ part, through }) => ({ ...part, through })));
    yield read;
    const reached = new Map(read.map((event) => [streamKeyText(event), event.version]));
    rest = wanted
      .filter(({ part, through }) => reached.get(streamKeyText(part)) === through && through !== part.through)
      .map(({ part, through }) => ({ ...part, after: through }));
  }
}
