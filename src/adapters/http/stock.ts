import { z } from 'zod';
import { maxOnHand } from '../../domain/inventory/stock.ts';
import type { StockOutcome } from '../../ports/stockService.ts';
import { type AnswerHeaders, answer, jsonType, refuseWhileStopping } from './answer.ts';
import { bounded } from './bounded.ts';
import { type Exchange, header } from './Exchange.ts';
import { entityTag, noneMatches } from './entityTags.ts';
import { readOptionalIdempotencyKey } from './idempotencyKey.ts';
import { HttpProblem, invalidRequest } from './problems.ts';
import { readQuery } from './queryParameters.ts';
import { readJsonBody } from './readJsonBody.ts';
import type { StoredAnswer } from './storedAnswer.ts';
import { submitCommand } from './submitCommand.ts';
import { isVisibleId } from './text.ts';
import { validate } from './validate.ts';

/** `GET /v1/stock/{sku}`: how many are on hand, reserved and available. A SKU that was never counted is 404. */
export const getStock = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  const sku = skuIn(exchange);
  readQuery(exchange.query, {});
  const found = await exchange.edge.deps.stock.get(exchange.tenant, sku);
  if (found === undefined) throw new HttpProblem('not_found', 'This SKU was never counted.');
  const headers: AnswerHeaders = { ETag: entityTag(found.version), 'Cache-Control': 'private, no-cache' };
  if (noneMatches(header(exchange.req, 'if-none-match'), found.version)) answer(exchange, 304, headers, '');
  else answer(exchange, 200, { 'Content-Type': jsonType, ...headers }, JSON.stringify(found.stock));
};

const countBody = z.strictObject({ onHand: bounded(0, maxOnHand) });

/** `PUT /v1/stock/{sku}`: sets what is on hand. Setting it twice is setting it once, so no key is needed. */
export const putStock = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  const sku = skuIn(exchange);
  const key = readOptionalIdempotencyKey(exchange.req);
  const json = await readJsonBody(exchange, false);
  readQuery(exchange.query, {});
  const { onHand } = validate(countBody, json);
  const { stock, clock } = exchange.edge.deps;
  const at = new Date(clock.now()).toISOString();
  await submitCommand(exchange, {
    key,
    method: 'PUT',
    path: `/v1/stock/${encodeURIComponent(sku)}`,
    json,
    submit: (request) => stock.set({ ...request, sku, onHand, at }),
    published: (wrote, timeoutMs) => stock.published(exchange.tenant, wrote, timeoutMs),
    answerToKeep,
    refusal,
  });
};

/** A path whose SKU no order could name leads nowhere. */
const skuIn = ({ params }: Exchange): string => {
  const { sku = '' } = params;
  if (isVisibleId(sku)) return sku;
  throw new HttpProblem('not_found', 'A SKU has 1 to 64 visible characters, without blanks.');
};

const answerToKeep = (outcome: StockOutcome): StoredAnswer | null =>
  outcome.kind === 'accepted'
    ? {
        status: 200,
        contentType: jsonType,
        location: null,
        etag: entityTag(outcome.version),
        body: JSON.stringify(outcome.stock),
      }
    : null;

const refusal = (outcome: StockOutcome): HttpProblem => {
  switch (outcome.kind) {
    case 'version_mismatch':
      return new HttpProblem(
        'version_mismatch',
        outcome.actual === 0
          ? 'This SKU was never counted, so it has no version: leave If-Match out.'
          : `The count is at version ${outcome.actual}. Read it again, and repeat with its ETag.`,
      );
    case 'refused':
      return invalidRequest([
        { pointer: outcome.error.pointer ?? '#', code: 'invalid_value', detail: outcome.error.detail },
      ]);
    case 'accepted':
      throw new Error('an accepted command has an answer');
    default:
      return outcome satisfies never;
  }
};
