import type { Cause, CommandResult, Repeatable, Wrote } from '../../ports/commands.ts';
import { type AnswerHeaders, answer } from './answer.ts';
import { causeOf, type Exchange, header } from './Exchange.ts';
import { readIfMatch } from './entityTags.ts';
import { fingerprintOf } from './fingerprint.ts';
import { readWaitSeconds } from './prefer.ts';
import { HttpProblem } from './problems.ts';
import { decodeAnswer, encodeAnswer, type StoredAnswer } from './storedAnswer.ts';

/** What every command is submitted with. */
export interface CommandRequest<Outcome> {
  readonly cause: Cause;
  readonly bytes: number;
  readonly ifMatch?: readonly number[];
  readonly repeatable?: Repeatable<Outcome>;
}

export interface Submission<Outcome> {
  /** Null where the client sent none: then nothing is kept for repetitions. */
  readonly key: string | null;
  readonly method: 'POST' | 'PUT';
  /** In canonical form: however a path was escaped, the same path is the same text. */
  readonly path: string;
  /** The body as it was parsed, before defaults. */
  readonly json: object;
  readonly submit: (request: CommandRequest<Outcome>) => Promise<CommandResult<Outcome>>;
  readonly published: (wrote: Wrote, timeoutMs: number) => Promise<boolean>;
  /** The answer, which repetitions get too; null for all that another try may change. */
  readonly answerToKeep: (outcome: Outcome) => StoredAnswer | null;
  /** What the client is told where there is no such answer. */
  readonly refusal: (outcome: Outcome) => HttpProblem;
}

/** Runs a command once for its key, and answers; repetitions get the stored answer of the first. */
export const submitCommand = async <Outcome>(
  exchange: Exchange,
  submission: Submission<Outcome>,
): Promise<void> => {
  const { key, method, path, json, answerToKeep, refusal } = submission;
  const ifMatch = readIfMatch(header(exchange.req, 'if-match'));
  // `remember` runs again when another writer was faster; its last answer is the one that was stored.
  const kept: { answer?: StoredAnswer | null } = {};
  const repeatable = key !== null && {
    caller: exchange.caller,
    key,
    fingerprint: fingerprintOf(method, path, json),
    remember: (outcome: Outcome) => {
      kept.answer = answerToKeep(outcome);
      return kept.answer === null ? null : encodeAnswer(kept.answer);
    },
  };
  const result = await submission.submit({
    cause: causeOf(exchange),
    bytes: exchange.bodyBytes,
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(repeatable === false ? {} : { repeatable }),
  });
  switch (result.kind) {
    case 'key_reused':
      throw new HttpProblem(
        'idempotency_key_reused',
        'This Idempotency-Key was used for a request with another body, method or path.',
      );
    case 'replayed':
      return send(exchange, submission, decodeAnswer(result.answer), result.wrote, true);
    case 'done': {
      const first = kept.answer ?? answerToKeep(result.outcome);
      if (first === null) throw refusal(result.outcome);
      return send(exchange, submission, first, result.wrote, false);
    }
  }
};

/** With `Prefer: wait=N` not before the broker has confirmed what the command wrote, or the time is up. */
const send = async (
  exchange: Exchange,
  { published }: Pick<Submission<never>, 'published'>,
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
    if (await confirmed(exchange, published(wrote, seconds * 1000))) headers['Preference-Applied'] = 'wait';
  }
  answer(exchange, status, headers, body);
};

/** Waits no longer than there is somebody to answer, and gives up when the server closes. */
const confirmed = async ({ edge, res }: Exchange, published: Promise<boolean>): Promise<boolean> => {
  const over = Promise.withResolvers<boolean>();
  const giveUp = (): void => over.resolve(false);
  res.once('close', giveUp);
  edge.closing.addEventListener('abort', giveUp);
  // It may have begun to close while the command was written: the signal says so once.
  if (edge.closing.aborted) giveUp();
  try {
    return await Promise.race([published, over.promise]);
  } finally {
    res.off('close', giveUp);
    edge.closing.removeEventListener('abort', giveUp);
  }
};
