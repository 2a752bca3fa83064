import type { OrderCommand } from '../../domain/orders/orderCommands.ts';
import type { DomainError } from '../../domain/shared/domainError.ts';
import type { OrderOutcome } from '../../ports/orderService.ts';
import { jsonType } from './answer.ts';
import { type Exchange, traceIdOfExchange } from './Exchange.ts';
import { entityTag } from './entityTags.ts';
import { HttpProblem, invalidRequest, noSuchOrder, problemText, problemType } from './problems.ts';
import type { StoredAnswer } from './storedAnswer.ts';
import { type Submission, submitCommand } from './submitCommand.ts';

export interface OrderSubmission extends Pick<Submission<OrderOutcome>, 'path' | 'json'> {
  readonly key: string;
  readonly orderId: string;
  readonly command: OrderCommand;
  /** Of the answer when the command is accepted. */
  readonly status: number;
}

/** Runs a command of an order, and answers with the order. */
export const submitOrderCommand = (exchange: Exchange, submission: OrderSubmission): Promise<void> => {
  const { orders } = exchange.edge.deps;
  const { key, path, json, orderId, command } = submission;
  return submitCommand(exchange, {
    key,
    method: 'POST',
    path,
    json,
    submit: (request) => orders.submit({ ...request, orderId, command }),
    published: (wrote, timeoutMs) => orders.published(exchange.tenant, wrote, timeoutMs),
    answerToKeep: (outcome) => answerToKeep(exchange, outcome, submission),
    refusal,
  });
};

/** Every 2xx and the conflict with the order's state. */
const answerToKeep = (
  exchange: Exchange,
  outcome: OrderOutcome,
  { status, command }: OrderSubmission,
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
    case 'invalid_request':
      return invalidRequest([{ pointer: pointer ?? '#', code: 'invalid_value', detail }]);
    case 'insufficient_stock':
      throw new Error('an order asks for no pieces itself');
    default:
      return code satisfies never;
  }
};
