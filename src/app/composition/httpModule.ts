import { ContainerModule } from 'inversify';
import { callbackProviders } from '../../adapters/http/callbacks/schemes.ts';
import { readCertificate } from '../../adapters/http/certificate.ts';
import { createHttpServer } from '../../adapters/http/createHttpServer.ts';
import { loyaltyService } from '../loyalty/loyaltyService.ts';
import { notificationService } from '../notifications/notificationService.ts';
import type { Homes } from './homes.ts';
import { tokens } from './tokens.ts';

/** The way in for clients. */
export const httpModule = new ContainerModule(({ bind }) => {
  bind(tokens.http)
    .toResolvedValue(
      async (config, orders, stock, callbacks, homes, clock, ids, logger, lifecycle) => {
        const { stores, commits, deadLetters, operations, replays } = homes.of('orders');
        return createHttpServer(
          {
            orders,
            stock,
            commits,
            deadLetters,
            operations,
            replays,
            callbacks,
            callbackProviders: callbackProviders(config.callbackProviders),
            inbox: stores.inbox,
            loyalty: loyaltyService(homes.of('loyalty').stores),
            notifications: notificationService(homes.of('notifications').stores),
            clock,
            ids,
            logger,
            health: health(homes, lifecycle),
          },
          {
            maxStreams: config.eventStreamsMax,
            callbackFailuresPerMinute: config.callbackFailuresPerMinute,
          },
          config.tls && { certificate: await readCertificate(config.tls, logger), files: config.tls },
        );
      },
      [
        tokens.config,
        tokens.orders,
        tokens.stock,
        tokens.callbacks,
        tokens.homes,
        tokens.clock,
        tokens.ids,
        tokens.logger,
        tokens.lifecycle,
      ],
    )
    .inSingletonScope();
});

const health = (homes: Homes, lifecycle: { readonly draining: boolean }) => ({
  ping: async () => {
    await Promise.all(homes.all.map(({ stores }) => stores.ping()));
    return true;
  },
  draining: () => lifecycle.draining,
});
