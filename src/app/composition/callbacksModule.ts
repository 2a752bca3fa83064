import { ContainerModule } from 'inversify';
import { callbackService } from '../callbacks/callbackService.ts';
import { ParkedCallbacks } from '../callbacks/ParkedCallbacks.ts';
import { tokens } from './tokens.ts';

/** What third parties report, and what of it waits for its order. */
export const callbacksModule = new ContainerModule(({ bind }) => {
  bind(tokens.callbacks)
    .toResolvedValue(
      (homes, clock, ids) => {
        const { pipeline, stores } = homes.of('orders');
        return callbackService({ pipeline, callbacks: stores.callbacks, clock, ids });
      },
      [tokens.homes, tokens.clock, tokens.ids],
    )
    .inSingletonScope();
  bind(tokens.parkedCallbacks)
    .toResolvedValue(
      (homes, clock, ids, logger) => {
        const { pipeline, stores } = homes.of('orders');
        return new ParkedCallbacks({ pipeline, callbacks: stores.callbacks, clock, ids, logger });
      },
      [tokens.homes, tokens.clock, tokens.ids, tokens.logger],
    )
    .inSingletonScope();
});
