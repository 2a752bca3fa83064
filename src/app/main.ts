import { isatty } from 'node:tty';
import { createPinoLogger } from '../adapters/system/PinoLogger.ts';
import { explainStartFailure } from './composition/explainStartFailure.ts';
import { startApp } from './composition/startApp.ts';
import { readConfig } from './config.ts';
import { onStopSignal } from './onStopSignal.ts';

/**
 * Runs the service until SIGTERM or SIGINT, or until its terminal is closed. Exit codes: 0 stopped, 1 failed, 2 refused
 * to start as configured.
 */
const main = async (): Promise<void> => {
  const config = readConfig(process.env);
  const logger = createPinoLogger(config.logLevel);
  process.on('unhandledRejection', (reason) => {
    // A promise nobody waits for has failed: the state is unknown, and a restart loses nothing.
    logger.error({ err: reason }, 'unhandled rejection; stopping');
    process.exit(1);
  });
  const app = await startApp(config, logger);
  const stop = async (signal: string) => {
    logger.info({ signal }, 'stopping');
    await app.stop();
    logger.info({}, 'stopped');
    process.exit(0);
  };
  onStopSignal(
    // Without a terminal a hang-up has another meaning, to whoever sends it.
    ['SIGTERM', 'SIGINT', ...(isatty(0) ? (['SIGHUP'] as const) : [])],
    (signal) => void stop(signal),
    () => process.exit(1),
  );
  logger.info(
    {
      url: app.url,
      roles: [...config.roles],
      database: config.database.file,
      broker: config.broker.kind,
    },
    app.url === null ? 'started' : `listening on ${app.url}`,
  );
};

main().catch((error: unknown) => {
  const { message, exitCode } = explainStartFailure(error);
  process.stderr.write(`orderflow: ${message}\n`);
  process.exit(exitCode);
});
