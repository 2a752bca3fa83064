import { z } from 'zod';
import { type ReplayStatus, UnknownStreams } from '../../ports/replayService.ts';
import { answer, jsonType, refuseWhileStopping } from './answer.ts';
import type { Exchange } from './Exchange.ts';
import { operatorOf } from './operator.ts';
import { HttpProblem, invalidRequest } from './problems.ts';
import { readQuery } from './queryParameters.ts';
import { readJsonBody } from './readJsonBody.ts';
import { textSchema } from './text.ts';
import { validate } from './validate.ts';

const replayBody = z.strictObject({
  // In AMQP a name has so many bytes.
  queue: textSchema(255)
    .min(1, 'must not be empty')
    .refine((name) => Buffer.byteLength(name) <= 255, { error: 'must have at most 255 bytes in UTF-8' }),
  from: z.number().int().min(0, 'must not be negative').max(Number.MAX_SAFE_INTEGER).default(0),
  streams: z
    .array(textSchema().regex(/^[^/]+\/.+$/, 'must be <category>/<id>, such as orders/018f…'))
    .min(1, 'must name at least one')
    .max(1_000, 'must name at most 1,000')
    .exactOptional(),
  ratePerSecond: z
    .number()
    .int()
    .min(1, 'must be at least 1')
    .max(100_000, 'must be at most 100000')
    .exactOptional(),
});

/** `POST /v1/admin/replay`: asks for a job, and answers with it. */
export const startReplay = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  readQuery(exchange.query, {});
  const { queue, from, streams, ratePerSecond } = validate(replayBody, await readJsonBody(exchange, false));
  const request = { queue, from, streams: streams ?? null, ratePerSecond: ratePerSecond ?? null };
  try {
    const job = await exchange.edge.deps.replays.replay(operatorOf(exchange), request);
    const headers = { 'Content-Type': jsonType, Location: `/v1/admin/replays/${job.id}` };
    answer(exchange, 202, headers, JSON.stringify(jobOf(job)));
  } catch (error) {
    if (!(error instanceof UnknownStreams)) throw error;
    throw invalidRequest(
      error.streams.slice(0, 20).map((stream) => ({
        pointer: '#/streams',
        code: 'unknown_stream',
        detail: `${stream} has no event`,
      })),
    );
  }
};

/** `GET /v1/admin/replays/{id}`: how far a job is, and what holds it up. */
export const getReplay = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  readQuery(exchange.query, {});
  const { tenant, params } = exchange;
  sendJob(exchange, await exchange.edge.deps.replays.job(tenant, params.id ?? ''));
};

/** `POST /v1/admin/replays/{id}/cancel`: what was published stays published. */
export const cancelReplay = async (exchange: Exchange): Promise<void> => {
  refuseWhileStopping(exchange);
  readQuery(exchange.query, {});
  validate(z.strictObject({}), await readJsonBody(exchange, true));
  const { replays } = exchange.edge.deps;
  sendJob(exchange, await replays.cancel(operatorOf(exchange), exchange.params.id ?? ''));
};

const sendJob = (exchange: Exchange, job: ReplayStatus | undefined): void => {
  if (job === undefined) throw new HttpProblem('not_found', 'There is no such job.');
  answer(exchange, 200, { 'Content-Type': jsonType }, JSON.stringify(jobOf(job)));
};

const jobOf = (job: ReplayStatus): object => ({
  id: job.id,
  queue: job.queue,
  state: job.state,
  streams: job.streams,
  from: job.from,
  until: job.until,
  position: job.position,
  sent: job.sent,
  ratePerSecond: job.ratePerSecond,
  waiting: job.waiting,
  createdAt: new Date(job.createdAt).toISOString(),
});
