import { destination, pino, stdTimeFunctions } from 'pino';
import type { Logger } from '../../ports/logger.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** What is kept while the log cannot be written; beyond it, lines are lost. */
const mostKeptBytes = 1024 * 1024;

/**
 * JSON lines to a file descriptor (1 is stdout, 2 is stderr). Writes are synchronous, so that the last line before
 * a crash is not lost. An error belongs under the field `err`, where it is written with its stack and cause. A log that
 * cannot be written, as on a full disk, stops nothing: stderr tells so once, and it goes on when there is room.
 */
export const createPinoLogger = (level: LogLevel, fd = 1): Logger => {
  const output = destination({ fd, sync: true, maxLength: mostKeptBytes });
  let told = false;
  output.on('error', (error: NodeJS.ErrnoException) => {
    // The reader of the pipe is gone, or the terminal: nobody reads on, and what is under way is to end in order.
    if (error.code === 'EPIPE' || error.code === 'EIO') output.write = () => true;
    else if (!told) {
      told = true;
      process.stderr.write(`orderflow: the log cannot be written (${error.message}); the work goes on.\n`);
    }
  });
  return pino(
    {
      level,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
};

/** Says nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
