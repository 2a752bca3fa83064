import type { OrderCommand } from '../../domain/orders/orderCommands.ts';
import type { DomainError } from '../../domain/shared/domainError.ts';
import type { Wrote } from '../../ports/commands.ts';
import type { OrderOutcome } from '../../ports/orderService.ts';
import { type AnswerHeaders, answer, jsonType } from './answer.ts';
import { causeOf, type Exchange, header, traceIdOfExchange } from './Exchange.ts';
import { entityTag, readIfMatch } from './entityTags.ts';
import { fingerprintOf } from './fingerprint.ts';
import { readWaitSeconds } from './prefer.ts';
import { HttpProblem, invalidRequest, noSuchOrder, problemText, problemType } from './problems.ts';
import { decodeAnswer, encodeAnswer, type StoredAnswer } from './storedAnswer.ts';

export interface Submission {
  readonly key: string;
  /** In canonical form: however a path was escaped, the same path is the same text. */
  readonly path: string;
  /** The body as it was parsed, before defaults. */
  readonly json: object;
  readonly orderId: string;
  readonly command: OrderCommand;
  /** Of the answer when the command is accepted. */
  readonly status: number;
}

/** Runs a command once for its key, and answers; repetitions get the stored answer of the first. */
export const submitCommand = async (exchange: Exchange, submission: Submission): Promise<void> => {
  const { orders } = exchange.edge.deps;
  const { key, path, json, orderId, command } = submission;
  const ifMatch = readIfMatch(header(exchange.req, 'if-match'));
  // `remember` runs again when another writer was faster; its last answer is the one that was stored.
  const kept: { answer?: StoredAnswer | null } = {};
  const result = await orders.submit({
    cause: causeOf(exchange),
    orderId,
    command,
    bytes: exchange.bodyBytes,
    ...(ifMatch === undefined ? {} : { ifMatch }),
    repeatable: {
      caller: exchange.caller,
      key,
      fingerprint: fingerprintOf('POST', path, json),
      remember: (outcome) => {
        kept.answer = answerToKeep(exchange, outcome, submission);
        return kept.answer === null ? null : encodeAnswer(kept.answer);
      },
    },
  });
  switch (result.kind) {
    case 'key_reused':
      throw new HttpProblem(
        'idempotency_key_reused',
        'This Idempotency-Key was used for a request with another body, method or path.',
      );
    case 'replayed':
      return send(exchange, decodeAnswer(result.answer), result.wrote, true);
    case 'done': {
      const first = kept.answer ?? answerToKeep(exchange, result.outcome, submission);
      if (first === null) throw refusal(result.outcome);
      return send(exchange, first, result.wrote, false);
    }
  }
};

/** Every 2xx and the conflict with the order's state; null for all that another try may change. */
const answerToKeep = (
  exchange: Exchange,
  outcome: OrderOutcome,
  { status, command }: Submission,
): StoredAnswer | null => {
  if (outcome.kind === 'accepted') {
    const { order } = outcome;
    return {
      status,
      contentType: jsonType,
      location: command.type === 'PlaceOrder' ? `/v1/orders/${order.id}` : null,
      etag: entityTag(order.version),
      body: JSON.stringify(order),
    };
  }
  if (outcome.kind !== 'refused' || outcome.error.code !== 'order_state_conflict') return null;
  const { code, detail } = outcome.error;
  const body = problemText(code, detail, exchange.path, traceIdOfExchange(exchange));
  return { status: 409, contentType: problemType, location: null, etag: null, body };
};

const refusal = (outcome: OrderOutcome): HttpProblem => {
  switch (outcome.kind) {
    case 'not_found':
      return noSuchOrder();
    case 'version_mismatch':
      return new HttpProblem(
        'version_mismatch',
        `The order is at version ${outcome.actual}. Read it again, and repeat with its ETag.`,
      );
    case 'refused':
      return refusedByDomain(outcome.error);
    case 'accepted':
      throw new Error('an accepted command has an answer');
    default:
      return outcome satisfies never;
  }
};

const refusedByDomain = ({ code, detail, pointer }: DomainError): HttpProblem => {
  switch (code) {
    case 'not_found':
      return noSuchOrder();
    case 'order_state_conflict':
      return new HttpProblem(code, detail);
    case 'insufficient_stock':
      throw new Error('only reservations ask for pieces, and nobody asks for those over HTTP');
    case 'invalid_request':
      return invalidRequest([{ pointer: pointer ?? '#', code: 'invalid_value', detail }]);
    default:
      return code satisfies never;
  }
};

/** With `Prefer: wait=N` not before the broker has confirmed what the command wrote, or the time is up. */
const send = async (
  exchange: Exchange,
  { status, contentType, location, etag, body }: StoredAnswer,
  wrote: Wrote,
  replayed: boolean,
): Promise<void> => {
  const headers: AnswerHeaders = { 'Content-Type': contentType };
  if (location !== null) headers.Location = location;
  if (etag !== null) headers.ETag = etag;
  if (replayed) headers['Idempotent-Replayed'] = 'true';
  const seconds = readWaitSeconds(header(exchange.req, 'prefer'));
  if (seconds !== undefined) {
    if (await confirmed(exchange, wrote, seconds * 1000)) headers['Preference-Applied'] = 'wait';
  }
  answer(exchange, status, headers, body);
};

/** Waits no longer than there is somebody to answer, and gives up when the server closes. */
const confirmed = async (
  { edge, res, tenant }: Exchange,
  wrote: Wrote,
  timeoutMs: number,
): Promise<boolean> => {
  const over = Promise.withResolvers<boolean>();
  const giveUp = (): void => over.resolve(false);
  res.once('close', giveUp);
  edge.closing.addEventListener('abort', giveUp);
  try {
    return await Promise.race([edge.deps.orders.published(tenant, wrote, timeoutMs), over.promise]);
  } finally {
    res.off('close', giveUp);
    edge.closing.removeEventListener('abort', giveUp);
  }
};
