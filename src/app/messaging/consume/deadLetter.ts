import type { Ids } from '../../../ports/ids.ts';
import type { WaitingMessage } from '../../../ports/inbox.ts';
import type { OutboxMessage } from '../../../ports/outbox.ts';
import { readDeadLetter } from '../desk/readDeadLetter.ts';
import { toPublication } from '../relay/toPublication.ts';
import { deadQueueOf } from '../topology.ts';
import type { GateBook } from './GateBook.ts';
import type { Attempt } from './messageHandler.ts';

/** Why a consumer set a message aside: it can never succeed, no attempt is left, or it kills the process. */
export type DeadReason = 'refused' | 'exhausted' | 'crash';

/** Header values beyond this are cut: a broker's frame has a limit for all headers together. */
const errorLength = 1_000;

type Story = Pick<WaitingMessage, 'error' | 'attempts' | 'firstSeen'>;

export interface LetterOptions {
  readonly ids: Ids;
  /** The largest payload that a broker takes back. */
  readonly maxBytes: number;
}

/**
 * Sends the message to the desk: through `<queue>.dead`, or, larger than what can be published, into the database at
 * once, as whole as it came.
 */
export const sendLetter = (
  book: GateBook,
  attempt: Attempt,
  story: Story,
  reason: DeadReason,
  { ids, maxBytes }: LetterOptions,
  now: number,
): void => {
  const letter = deadLetter(attempt, story, reason, ids);
  if (Buffer.byteLength(letter.payload) <= maxBytes) book.publish(letter);
  else {
    const { queue } = attempt.handler;
    book.keepLetter(readDeadLetter(toPublication(letter, false, now), queue, ids, now, maxBytes));
  }
};

/** The message as it goes to `<queue>.dead`, with the reasons in its headers. */
const deadLetter = (attempt: Attempt, story: Story, reason: DeadReason, ids: Ids): OutboxMessage => {
  const { handler, message } = attempt;
  const id = ids.next();
  return {
    id: message.id,
    tenant: message.tenant,
    // Of its own, so that it waits for nobody and nobody waits for it.
    source: `/orderflow/dead-letters/${handler.consumer}/${id}`,
    sequence: 1,
    type: message.type,
    exchange: 'dead',
    routingKey: deadQueueOf(handler.queue),
    payload: message.raw.payload,
    traceparent: message.traceparent,
    dueAt: 0,
    headers: {
      'x-orderflow-reason': reason,
      'x-orderflow-error': (story.error ?? '').slice(0, errorLength),
      'x-orderflow-attempts': String(story.attempts),
      'x-orderflow-first-seen': new Date(story.firstSeen).toISOString(),
      'x-orderflow-queue': handler.queue,
    },
  };
};
