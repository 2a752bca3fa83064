import type { BrokerMessage } from '../../../ports/broker.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { DeadLetterService } from '../../../ports/deadLetterService.ts';
import type { DeadLetter, DeadLetterDesk, RedriveJob } from '../../../ports/deadLetters.ts';
import type { Ids } from '../../../ports/ids.ts';
import type { OutboxMessage } from '../../../ports/outbox.ts';
import type { UnitOfWork } from '../../../ports/unitOfWork.ts';
import { recordAction } from '../operate/recordAction.ts';
import { retrying } from '../operate/retrying.ts';

export interface DeadLetterServiceParts {
  readonly unitOfWork: UnitOfWork;
  readonly desk: DeadLetterDesk;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Called after a commit that put messages into the outbox. */
  readonly onCommitted: () => void;
  /** Called when there is a job to do. */
  readonly onJob: () => void;
}

export const deadLetterService = ({
  unitOfWork,
  desk,
  clock,
  ids,
  onCommitted,
  onJob,
}: DeadLetterServiceParts): DeadLetterService => {
  const system = { clock, ids };
  return {
    list: desk.list,
    get: desk.get,
    job: desk.job,

    redrive: async (operator, request) => {
      const { selection, limit, ratePerSecond } = request;
      const found = await desk.count(operator.tenant, { ...selection, redrivable: true });
      const skipped = await desk.count(operator.tenant, { ...selection, redrivable: false });
      const job: RedriveJob = {
        id: ids.next(),
        tenant: operator.tenant,
        selection,
        limit,
        ratePerSecond,
        total: Math.min(found, limit ?? found),
        done: 0,
        skipped,
        state: 'running',
        createdAt: clock.now(),
        createdBy: operator.who,
        endedAt: null,
      };
      await retrying(unitOfWork, async (tx) => {
        await tx.deadLetters.saveJob(job);
        await recordAction(
          tx,
          system,
          operator,
          { what: 'redrive', messages: job.total },
          { job: job.id, ...request },
        );
      });
      onJob();
      return job;
    },

    cancel: (operator, id) =>
      retrying(unitOfWork, async (tx) => {
        const job = await tx.deadLetters.findJob(operator.tenant, id);
        if (job?.state !== 'running') return job;
        const cancelled: RedriveJob = { ...job, state: 'cancelled', endedAt: clock.now() };
        await tx.deadLetters.saveJob(cancelled);
        await recordAction(
          tx,
          system,
          operator,
          { what: 'cancel', messages: job.total - job.done },
          { job: id },
        );
        return cancelled;
      }),

    discard: async (operator, letterIds, reason) => {
      const letters = await retrying(unitOfWork, async (tx) => {
        const taken = await tx.deadLetters.take({
          tenant: operator.tenant,
          selection: { ids: letterIds },
          before: afterAllIds,
          limit: letterIds.length,
        });
        // What could not be read has no place in a sequence, so nobody waits behind it.
        const known = taken.filter(({ source }) => source !== '');
        if (known.length > 0) await tx.outbox.add(known.map((letter) => task(letter, 'discard', ids)));
        if (taken.length > 0) {
          const detail = {
            reason,
            letters: taken.map(({ id, queue, messageId }) => ({ id, queue, messageId })),
          };
          await recordAction(tx, system, operator, { what: 'discard', messages: taken.length }, detail);
        }
        return taken;
      });
      if (letters.length > 0) onCommitted();
      return letters.length;
    },
  };
};

/** No id of ours starts so far up. */
const afterAllIds = '~';

/**
 * The letter as it goes back to its queue, alone among all that are bound to the exchange. What is too large to go back
 * can be discarded still: that takes no more than what names the message.
 */
export const task = (letter: DeadLetter, what: 'redrive' | 'discard', ids: Ids): OutboxMessage => {
  const { payload } = JSON.parse(letter.message) as BrokerMessage;
  return {
    id: letter.messageId,
    tenant: letter.tenant,
    // Of its own, so that it waits for nobody: the consumer's gate has the order.
    source: `/orderflow/tasks/${ids.next()}`,
    sequence: 1,
    type: letter.type,
    exchange: 'tasks',
    routingKey: letter.queue,
    payload: letter.redrivable ? payload : namesOf(payload),
    traceparent: null,
    dueAt: 0,
    headers: { [`x-orderflow-${what}`]: 'true' },
  };
};

const namesOf = (payload: string): string => {
  const { specversion, id, source, type, sequence } = JSON.parse(payload) as Record<string, unknown>;
  return JSON.stringify({ specversion, id, source, type, sequence });
};
