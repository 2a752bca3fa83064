import type { AddressInfo } from 'node:net';
import { systemClock } from '../../adapters/system/SystemClock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Config } from '../config.ts';
import { checkTlsFiles } from './checkTlsFiles.ts';
import { type Composition, compose } from './container.ts';
import { databasesOf } from './homes.ts';
import { lockStores } from './openStores.ts';

export interface App {
  /** Where the HTTP edge listens; null without the role `api`. */
  readonly url: string | null;
  readonly composition: Composition;
  /** Stops in order, each step bounded in time. Twice is fine. */
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
    const url = await startRoles(config, composition, logger);
    const running = composition;
    let stopped: Promise<void> | undefined;
    const stop = () => {
      stopped ??= stopInOrder(config, running, logger).finally(release);
      return stopped;
    };
    return { url, composition, stop };
  } catch (error) {
    if (composition !== undefined) await stopInOrder(config, composition, logger);
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

const startRoles = async (config: Config, parts: Composition, logger: Logger) => {
  const { homes, http, consumers, collectors, lifecycle } = parts;
  for (const { isServed, commits, relay, cleaner, redriver } of homes.all) {
    if (!isServed) continue;
    commits.onCommit(() => relay.wake());
    relay.start();
    cleaner.start();
    redriver.start();
  }
  for (const consumer of [...consumers, ...collectors]) {
    // Not awaited: it subscribes when the broker is there, however long that takes.
    consumer.start().catch((err: unknown) => {
      if (!lifecycle.draining) logger.error({ err }, 'a consumer could not start; restart the service');
    });
  }
  return http === null ? null : listen(http.server, config, logger);
};

const listen = (
  server: NonNullable<Composition['http']>['server'],
  { host, port }: Config,
  logger: Logger,
): Promise<string> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      // Such as too many open files: that connection is lost, the service goes on.
      server.on('error', (err) => logger.error({ err }, 'a connection could not be accepted'));
      const { port: actual } = server.address() as AddressInfo;
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${actual}`);
    });
  });

/** HTTP → consumers → pipelines → relays → broker → databases: nobody stops before those that need it. */
const stopInOrder = async (config: Config, parts: Composition, logger: Logger): Promise<void> => {
  const { lifecycle, http, consumers, collectors, broker } = parts;
  const homes = parts.homes.all;
  const deadline = systemClock.now() + config.shutdownTimeoutMs;
  const left = () => Math.max(100, deadline - systemClock.now());
  lifecycle.draining = true;
  const step = async (name: string, works: readonly (Promise<unknown> | undefined)[]) => {
    const timeout = new AbortController();
    try {
      const late = systemClock.sleep(left(), timeout.signal).then(() => 'late');
      if ((await Promise.race([Promise.all(works), late])) === 'late')
        logger.warn({ step: name }, 'stopping took too long; going on');
    } catch (error) {
      logger.error({ err: error, step: name }, 'a part did not stop cleanly');
    } finally {
      timeout.abort();
    }
  };
  await step('http', [http?.close(left() / 2)]);
  await step(
    'consumers',
    [...consumers, ...collectors].map((consumer) => consumer.stop()),
  );
  // Nothing is in hand any more.
  await step(
    'sign off',
    homes.map(({ watch }) => watch.stop()),
  );
  await step(
    'redrive',
    homes.map(({ redriver }) => redriver.stop()),
  );
  await step(
    'pipeline',
    homes.map(({ pipeline }) => pipeline.stop()),
  );
  await step(
    'cleaner',
    homes.map(({ cleaner }) => cleaner.stop()),
  );
  await step(
    'relay',
    homes.map(({ relay }) => relay.stop({ deadlineMs: left() / 2 })),
  );
  await step('broker', [broker.close()]);
  await step(
    'database',
    homes.map(({ stores }) => stores.close()),
  );
};
