import { createPinoLogger } from '../adapters/system/PinoLogger.ts';
import { explainStartFailure } from './composition/explainStartFailure.ts';
import { startApp } from './composition/startApp.ts';
import { readConfig } from './config.ts';

/** Runs the service until SIGTERM or SIGINT. Exit codes: 0 stopped, 1 failed, 2 refused to start as configured. */
const main = async (): Promise<void> => {
  const config = readConfig(process.env);
  const logger = createPinoLogger(config.logLevel);
  process.on('unhandledRejection', (reason) => {
    // A promise nobody waits for has failed: the state is unknown, and a restart loses nothing.
    logger.error({ err: reason }, 'unhandled rejection; stopping');
    process.exit(1);
  });
  const app = await startApp(config, logger);
  logger.info(
    {
      url: app.url,
      roles: [...config.roles],
      database: config.database.file,
      broker: config.broker.kind,
    },
    app.url === null ? 'started' : `listening on ${app.url}`,
  );
  const stop = async (signal: string) => {
    logger.info({ signal }, 'stopping');
    await app.stop();
    logger.info({}, 'stopped');
    process.exit(0);
  };
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      // A second signal means it: no more waiting.
      if (stopping) process.exit(1);
      stopping = true;
      void stop(signal);
    });
  }
};

main().catch((error: unknown) => {
  const { message, exitCode } = explainStartFailure(error);
  process.stderr.write(`orderflow: ${message}\n`);
  process.exit(exitCode);
});
