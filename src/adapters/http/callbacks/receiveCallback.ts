import type { IncomingMessage } from 'node:http';
import type { CallbackContent } from '../../../ports/callbackService.ts';
import { addressBlock } from '../addressBlock.ts';
import { answer, jsonType, refuseWhileStopping } from '../answer.ts';
import { causeOf, type Exchange } from '../Exchange.ts';
import { requireJson } from '../mediaType.ts';
import { parseJson } from '../parseJson.ts';
import { HttpProblem, invalidRequest } from '../problems.ts';
import { contentEncoding, readRawBody } from '../readBody.ts';
import type { CallbackScheme } from './CallbackScheme.ts';

/**
 * `POST /v1/callbacks/{provider}`. Nothing of the body is looked at before its signature has been verified, over the
 * bytes as they came; the size alone is checked before, because a signature takes the whole body to verify.
 */
export const receiveCallback = async (exchange: Exchange): Promise<void> => {
  const { deps, limits } = exchange.edge;
  const name = exchange.params.provider ?? '';
  const provider = deps.callbackProviders.get(name);
  if (provider === undefined) throw new HttpProblem('not_found', 'There is no such provider.');
  refuseWhileStopping(exchange);
  const body = await readRawBody(exchange, limits.maxCallbackBytes);
  const receivedAt = deps.clock.now();
  const request = { header: (header: string) => onlyValue(exchange.req, header), body };
  const callbackId = provider.scheme.verify(request, provider.keys, receivedAt);
  if (callbackId === null) throw notGenuine(exchange, name);
  requirePlainJson(exchange);
  const { content, problem } = readContent(provider.scheme, body);
  const callback = { cause: causeOf(exchange), provider: name, callbackId, receivedAt, body, content };
  const outcome = await deps.callbacks.receive(callback);
  if (outcome === 'invalid') {
    deps.logger.warn(
      { provider: name, callbackId, reason: problem?.message },
      'a signed callback was not understood',
    );
    throw problem;
  }
  answer(exchange, 202, { 'Content-Type': jsonType }, accepted);
};

const accepted = JSON.stringify({ status: 'accepted' });

const onlyValue = (req: IncomingMessage, name: string): string | undefined => {
  const values = req.headersDistinct[name];
  return values?.length === 1 ? values[0] : undefined;
};

/** One answer for every reason. Only failures are counted: whoever can sign is not held up by those who cannot. */
const notGenuine = (exchange: Exchange, provider: string): HttpProblem => {
  const { deps, callbackFailures } = exchange.edge;
  const address = exchange.req.socket.remoteAddress ?? '';
  const waitSeconds = callbackFailures.take(`${provider}\n${addressBlock(address)}`);
  deps.logger.debug({ provider, address }, 'a callback was refused: its signature does not hold');
  if (waitSeconds === 0) {
    return new HttpProblem('invalid_signature', 'The callback is not signed as agreed, or not just now.', {
      headers: { 'WWW-Authenticate': 'Signature' },
    });
  }
  return new HttpProblem('too_many_requests', 'Too many callbacks from this address were not genuine.', {
    headers: {
      'Retry-After': String(waitSeconds),
      'RateLimit-Policy': `"invalid-signatures";q=${callbackFailures.perMinute};w=60`,
      RateLimit: `"invalid-signatures";r=0;t=${waitSeconds}`,
    },
  });
};

const requirePlainJson = (exchange: Exchange): void => {
  requireJson(exchange);
  if (contentEncoding(exchange) === 'identity') return;
  throw new HttpProblem(
    'unsupported_media_type',
    'A callback must not be compressed: it is signed as it is sent.',
  );
};

/** What breaks the rules is kept with the reason, and the sender is told it by `problem`. */
const readContent = (
  scheme: CallbackScheme,
  body: Buffer,
): { readonly content: CallbackContent; readonly problem?: HttpProblem } => {
  try {
    return { content: scheme.read(parseJson(body)) };
  } catch (failure) {
    if (!(failure instanceof HttpProblem)) throw failure;
    const problem = failure.code === 'invalid_json' ? notJson(failure.message) : failure;
    return { content: { kind: 'invalid', reason: problem.message }, problem };
  }
};

/** Not 400, as elsewhere: the request was understood well enough to know who sent it, and is kept. */
const notJson = (detail: string): HttpProblem =>
  invalidRequest([{ pointer: '#', code: 'invalid_json', detail }]);
