import type { ServiceIdentifier } from 'inversify';
import type { HttpServer } from '../../adapters/http/createHttpServer.ts';
import type { Broker, Topology } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeadLetterService } from '../../ports/deadLetterService.ts';
import type { Ids } from '../../ports/ids.ts';
import type { Logger } from '../../ports/logger.ts';
import type { OrderService } from '../../ports/orderService.ts';
import type { Stores } from '../../ports/stores.ts';
import type { WritePipeline } from '../commands/WritePipeline.ts';
import type { Config } from '../config.ts';
import type { CommitSignal } from '../messaging/CommitSignal.ts';
import type { ConsumerRunner } from '../messaging/consume/ConsumerRunner.ts';
import type { DeadLetterCollector } from '../messaging/desk/DeadLetterCollector.ts';
import type { RedriveWorker } from '../messaging/desk/RedriveWorker.ts';
import type { OutboxRelay } from '../messaging/OutboxRelay.ts';
import type { PublishedWaiters } from '../messaging/publishedWaiters.ts';
import type { RetentionCleaner } from '../messaging/retentionCleaner.ts';
import type { Lifecycle } from './lifecycle.ts';

const token = <T>(name: string): ServiceIdentifier<T> => Symbol(name);

/** Everything that is composed. A token carries the type of what is bound to it. */
export const tokens = {
  config: token<Config>('Config'),
  clock: token<Clock>('Clock'),
  ids: token<Ids>('Ids'),
  logger: token<Logger>('Logger'),
  lifecycle: token<Lifecycle>('Lifecycle'),
  stores: token<Stores>('Stores'),
  broker: token<Broker>('Broker'),
  commits: token<CommitSignal>('CommitSignal'),
  pipeline: token<WritePipeline>('WritePipeline'),
  waiters: token<PublishedWaiters>('PublishedWaiters'),
  relay: token<OutboxRelay>('OutboxRelay'),
  cleaner: token<RetentionCleaner>('RetentionCleaner'),
  orders: token<OrderService>('OrderService'),
  consumers: token<readonly ConsumerRunner[]>('Consumers'),
  deadLetters: token<DeadLetterService>('DeadLetterService'),
  redriver: token<RedriveWorker>('RedriveWorker'),
  collectors: token<readonly DeadLetterCollector[]>('Collectors'),
  topology: token<Topology>('Topology'),
  http: token<HttpServer>('HttpServer'),
};
