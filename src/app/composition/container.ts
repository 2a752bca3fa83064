import { Container } from 'inversify';
import type { Logger } from '../../ports/logger.ts';
import type { Config } from '../config.ts';
import { applicationModule, httpModule, infrastructureModule, systemModule } from './modules.ts';
import { tokens } from './tokens.ts';

/** What the program runs, resolved. This file is the only one that asks the container for anything. */
export const compose = async (config: Config, logger: Logger) => {
  const container = new Container();
  container.bind(tokens.config).toConstantValue(config);
  container.bind(tokens.logger).toConstantValue(logger);
  container.load(systemModule, infrastructureModule, applicationModule, httpModule);
  return {
    lifecycle: container.get(tokens.lifecycle),
    stores: await container.getAsync(tokens.stores),
    broker: container.get(tokens.broker),
    commits: container.get(tokens.commits),
    pipeline: await container.getAsync(tokens.pipeline),
    relay: await container.getAsync(tokens.relay),
    cleaner: await container.getAsync(tokens.cleaner),
    consumers: await container.getAsync(tokens.consumers),
    redriver: await container.getAsync(tokens.redriver),
    collectors: await container.getAsync(tokens.collectors),
    orders: await container.getAsync(tokens.orders),
    http: await container.getAsync(tokens.http),
  };
};

export type Composition = Awaited<ReturnType<typeof compose>>;
