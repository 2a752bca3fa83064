import type { CallbackService } from '../../ports/callbackService.ts';
import type { CallbackReader } from '../../ports/callbacks.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ids } from '../../ports/ids.ts';
import type { WritePipeline } from '../commands/WritePipeline.ts';
import { receiveWork } from './callbackWork.ts';

export interface CallbackServiceParts {
  readonly pipeline: Pick<WritePipeline, 'submit'>;
  readonly callbacks: Pick<CallbackReader, 'list' | 'get'>;
  readonly clock: Clock;
  readonly ids: Ids;
}

export const callbackService = ({
  pipeline,
  callbacks,
  clock,
  ids,
}: CallbackServiceParts): CallbackService => ({
  receive: async (callback) => {
    const result = await pipeline.submit(receiveWork(callback, clock.now, ids));
    if (result.kind !== 'done') throw new Error('a callback has no idempotency key of its own');
    return result.outcome === 'invalid' ? 'invalid' : 'accepted';
  },
  list: (query) => callbacks.list(query),
  get: (tenant, id) => callbacks.get(tenant, id),
});
