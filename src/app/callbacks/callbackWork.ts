import type { PaymentFact, VerifiedCallback } from '../../ports/callbackService.ts';
import type { CallbackKey, CallbackRow, CallbackState } from '../../ports/callbacks.ts';
import type { Cause } from '../../ports/commands.ts';
import type { Ids } from '../../ports/ids.ts';
import { type Session, type Work, workWith } from '../commands/work.ts';
import { orderModel, orderStream } from '../orders/orderModel.ts';
import { callbackKeeper } from './CallbackBook.ts';
import { paymentCommand } from './paymentCommand.ts';

/** Takes a verified callback in: its row and its effect are one transaction. Returns what became of it. */
export const receiveWork = (callback: VerifiedCallback, now: () => number, ids: Ids): Work<CallbackState> => {
  const { cause, provider, callbackId, body, content } = callback;
  const key: CallbackKey = { tenant: cause.tenant, provider, callbackId };
  const fact = content.kind === 'fact' ? content.fact : null;
  const stream = fact === null ? null : orderStream(fact.orderId);
  const streams = stream === null ? [] : [stream];
  return workWith(callbackKeeper, key, { cause, streams, bytes: body.length }, (session, book) => {
    const before = book.stateOf(key);
    // What was not understood had no effect: a sender that mends its body may send it again under its id.
    if (before !== undefined && before !== 'invalid') return before;
    const state = fact === null ? stateWithoutFact(content) : apply(session, fact, callback.receivedAt, ids);
    book.save({
      ...key,
      id: ids.next(),
      state,
      stream,
      fact: fact === null ? null : JSON.stringify(fact),
      error: content.kind === 'fact' ? null : content.reason,
      receivedAt: callback.receivedAt,
      appliedAt: state === 'applied' ? now() : null,
      correlationId: cause.correlationId,
      traceparent: cause.traceparent,
      body: Buffer.from(body).toString('base64'),
    });
    return state;
  });
};

/** Applies a parked callback, unless somebody else was faster. */
export const unparkWork = (row: CallbackRow, now: () => number, ids: Ids): Work<CallbackState> => {
  const { tenant, correlationId, traceparent, fact, stream } = row;
  if (fact === null || stream === null) throw new Error(`callback ${row.id} is parked without a fact`);
  const cause: Cause = { tenant, correlationId, causationId: correlationId, traceparent };
  return workWith(callbackKeeper, row, { cause, streams: [stream] }, (session, book) => {
    const before = book.stateOf(row);
    if (before !== 'parked') return before ?? 'applied';
    const state = apply(session, JSON.parse(fact) as PaymentFact, row.receivedAt, ids);
    if (state === 'applied') book.save({ ...row, state, appliedAt: now() });
    return state;
  });
};

/**
 * Records the fact with its order. Its time is when it was received; should the order be younger than that, its own
 * latest: a history does not run backwards.
 */
const apply = (
  session: Session,
  fact: PaymentFact,
  receivedAt: number,
  ids: Ids,
): Extract<CallbackState, 'applied' | 'parked'> => {
  const { state: order } = session.load(orderModel, fact.orderId);
  if (order === null) return 'parked';
  const at = new Date(Math.max(receivedAt, Date.parse(order.updatedAt))).toISOString();
  const decision = session.execute(orderModel, fact.orderId, paymentCommand(fact, at, ids.next()));
  if (!decision.ok) throw new Error(`a fact was refused: ${decision.error.detail}`);
  return 'applied';
};

const stateWithoutFact = ({ kind }: VerifiedCallback['content']): CallbackState =>
  kind === 'ignored' ? 'ignored' : 'invalid';
