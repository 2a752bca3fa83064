import type { Ids } from '../../../ports/ids.ts';
import type { WaitingMessage } from '../../../ports/inbox.ts';
import type { OutboxMessage } from '../../../ports/outbox.ts';
import { deadQueueOf } from '../topology.ts';
import type { Attempt } from './messageHandler.ts';

/** Why a consumer set a message aside: it can never succeed, no attempt is left, or it kills the process. */
export type DeadReason = 'refused' | 'exhausted' | 'crash';

/** Header values beyond this are cut: a broker's frame has a limit for all headers together. */
const errorLength = 1_000;

/** The message as it goes to `<queue>.dead`, with the reasons in its headers. */
export const deadLetter = (
  attempt: Attempt,
  row: Pick<WaitingMessage, 'error' | 'attempts' | 'firstSeen'>,
  reason: DeadReason,
  ids: Ids,
): OutboxMessage => {
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
      'x-orderflow-error': (row.error ?? '').slice(0, errorLength),
      'x-orderflow-attempts': String(row.attempts),
      'x-orderflow-first-seen': new Date(row.firstSeen).toISOString(),
      'x-orderflow-queue': handler.queue,
    },
  };
};
