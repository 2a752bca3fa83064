import type { ServiceIdentifier } from 'inversify';
import type { HttpServer } from '../../adapters/http/createHttpServer.ts';
import type { Broker, Topology } from '../../ports/broker.ts';
import type { CallbackService } from '../../ports/callbackService.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ids } from '../../ports/ids.ts';
import type { Logger } from '../../ports/logger.ts';
import type { OrderService } from '../../ports/orderService.ts';
import type { StockService } from '../../ports/stockService.ts';
import type { ParkedCallbacks } from '../callbacks/ParkedCallbacks.ts';
import type { Config } from '../config.ts';
import type { ConsumerRunner } from '../messaging/consume/ConsumerRunner.ts';
import type { DeadLetterCollector } from '../messaging/desk/DeadLetterCollector.ts';
import type { InstanceSignal } from '../messaging/operate/InstanceSignal.ts';
import type { Homes, OpenDatabase } from './homes.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Senders } from './senders.ts';

const token = <T>(name: string): ServiceIdentifier<T> => Symbol(name);

/** Everything that is composed. A token carries the type of what is bound to it. */
export const tokens = {
  config: token<Config>('Config'),
  clock: token<Clock>('Clock'),
  ids: token<Ids>('Ids'),
  logger: token<Logger>('Logger'),
  lifecycle: token<Lifecycle>('Lifecycle'),
  databases: token<readonly OpenDatabase[]>('Databases'),
  homes: token<Homes>('Homes'),
  broker: token<Broker>('Broker'),
  instances: token<InstanceSignal>('InstanceSignal'),
  orders: token<OrderService>('OrderService'),
  stock: token<StockService>('StockService'),
  callbacks: token<CallbackService>('CallbackService'),
  parkedCallbacks: token<ParkedCallbacks>('ParkedCallbacks'),
  consumers: token<readonly ConsumerRunner[]>('Consumers'),
  senders: token<Senders>('Senders'),
  collectors: token<readonly DeadLetterCollector[]>('Collectors'),
  topology: token<Topology>('Topology'),
  http: token<HttpServer>('HttpServer'),
};
