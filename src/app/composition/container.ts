import { Container } from 'inversify';
import type { Logger } from '../../ports/logger.ts';
import type { Config } from '../config.ts';
import { callbacksModule } from './callbacksModule.ts';
import { httpModule } from './httpModule.ts';
import { applicationModule, infrastructureModule, systemModule } from './modules.ts';
import { tokens } from './tokens.ts';

/**
 * What the program runs, resolved. This file is the only one that asks the container for anything. `replace` may bind
 * something else before anybody asks: a simulation has a clock, a broker and databases of its own.
 */
export const compose = async (
  config: Config,
  logger: Logger,
  replace: (container: Container) => void = () => undefined,
) => {
  const container = new Container();
  container.bind(tokens.config).toConstantValue(config);
  container.bind(tokens.logger).toConstantValue(logger);
  container.load(systemModule, infrastructureModule, applicationModule, callbacksModule, httpModule);
  replace(container);
  // First of all: a database that cannot be used is told before anything else is tried.
  await container.getAsync(tokens.databases);
  return {
    lifecycle: container.get(tokens.lifecycle),
    broker: container.get(tokens.broker),
    instances: container.get(tokens.instances),
    homes: await container.getAsync(tokens.homes),
    senders: container.get(tokens.senders),
    consumers: await container.getAsync(tokens.consumers),
    collectors: await container.getAsync(tokens.collectors),
    orders: config.roles.has('api') ? await container.getAsync(tokens.orders) : null,
    stock: config.roles.has('api') ? await container.getAsync(tokens.stock) : null,
    callbacks: config.roles.has('api') ? await container.getAsync(tokens.callbacks) : null,
    parkedCallbacks: config.roles.has('api') ? await container.getAsync(tokens.parkedCallbacks) : null,
    http: config.roles.has('api') ? await container.getAsync(tokens.http) : null,
  };
};

export type Composition = Awaited<ReturnType<typeof compose>>;
