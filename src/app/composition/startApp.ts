import type { AddressInfo } from 'node:net';
import type { Logger } from '../../ports/logger.ts';
import type { Config } from '../config.ts';
import type { ConsumerRunner } from '../messaging/consume/ConsumerRunner.ts';
import { checkTlsFiles } from './checkTlsFiles.ts';
import { type Composition, compose } from './container.ts';
import { databasesOf, type Home } from './homes.ts';
import { lockStores } from './openStores.ts';
import { stopInOrder } from './stopInOrder.ts';

export interface App {
  /** Where the HTTP edge listens; null without the role `api`. */
  readonly url: string | null;
  readonly composition: Composition;
  /** Stops in order, within the configured time. Twice is fine. */
  stop(): Promise<void>;
}

/**
 * Starts the program: database → broker → relay → consumers → HTTP. Rejects with a clear message when the database cannot be
 * used or the address cannot be listened on; a broker that is away is no reason not to start.
 */
export const startApp = async (config: Config, logger: Logger): Promise<App> => {
  await checkTlsFiles(config);
  const release = await lockDatabases(config);
  let composition: Composition | undefined;
  try {
    composition = await compose(config, logger);
    // With the in-memory broker the lock is exclusive: whoever holds leases there is dead.
    if (config.broker.kind === 'memory')
      for (const { stores } of composition.homes.all) await stores.leases.releaseAll();
    startParts(composition, logger);
    const { http } = composition;
    const url = http === null ? null : await listen(http.server, config, logger);
    const running = composition;
    let stopped: Promise<void> | undefined;
    const stop = () => {
      stopped ??= stopInOrder(config.shutdownTimeoutMs, running, logger).finally(release);
      return stopped;
    };
    return { url, composition, stop };
  } catch (error) {
    if (composition !== undefined) await stopInOrder(config.shutdownTimeoutMs, composition, logger);
    await release();
    throw error;
  }
};

const lockDatabases = async (config: Config): Promise<() => Promise<void>> => {
  const locks: { release(): Promise<void> }[] = [];
  const release = async (): Promise<void> => {
    for (const lock of locks) await lock.release();
  };
  try {
    for (const database of databasesOf(config)) locks.push(await lockStores(database, config));
  } catch (error) {
    await release();
    throw error;
  }
  return release;
};

/** Starts everything but the way in. */
export const startParts = (parts: Composition, logger: Logger): void => {
  const { homes, parkedCallbacks, consumers, collectors, instances, lifecycle } = parts;
  for (const home of homes.all) if (home.isServed) serve(home, instances);
  /** Not awaited: it begins when the broker is there, however long that takes. */
  const begin = (part: Promise<void>, what: string): void => {
    part.catch((err: unknown) => {
      if (!lifecycle.draining) logger.error({ err }, `${what} could not start; restart the service`);
    });
  };
  begin(instances.start(), 'listening to other instances');
  for (const consumer of consumers) begin(startConsumer(consumer, homes.all, lifecycle), 'a consumer');
  for (const collector of collectors) begin(collector.start(), 'a collector of dead letters');
  if (parkedCallbacks !== null) {
    homes.of('orders').commits.onCommit(() => parkedCallbacks.wake());
    parkedCallbacks.start();
  }
};

/** History is asked for once the queue is bound: whatever is committed later reaches it by itself. */
const startConsumer = async (
  consumer: ConsumerRunner,
  homes: readonly Home[],
  lifecycle: Composition['lifecycle'],
): Promise<void> => {
  await consumer.start();
  await Promise.all(homes.map((home) => home.replayToNewQueue(consumer.queue, () => lifecycle.draining)));
};

const serve = (
  { commits, relay, relaySwitch, cleaner, redriver, replayer }: Home,
  instances: Composition['instances'],
): void => {
  commits.onCommit(() => relay.wake());
  // Before the relay: one that is paused must not begin.
  relaySwitch.start();
  relay.start();
  cleaner.start();
  redriver.start();
  replayer.start();
  instances.onSignal(() => {
    relaySwitch.wake();
    relay.rescan();
    redriver.wake();
    replayer.wake();
  });
};

const listen = (
  server: NonNullable<Composition['http']>['server'],
  { host, port, tls }: Config,
  logger: Logger,
): Promise<string> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      // Such as too many open files: that connection is lost, the service goes on.
      server.on('error', (err) => logger.error({ err }, 'a connection could not be accepted'));
      const { port: actual } = server.address() as AddressInfo;
      resolve(`http${tls === null ? '' : 's'}://${host.includes(':') ? `[${host}]` : host}:${actual}`);
    });
  });
