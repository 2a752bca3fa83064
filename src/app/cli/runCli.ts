import { styleText } from 'node:util';
import { CommanderError } from 'commander';
import { explainStartFailure } from '../composition/explainStartFailure.ts';
import { readConfig } from '../config.ts';
import { CliError } from './CliError.ts';
import { createProgram } from './createProgram.ts';

/** Runs one command and returns the exit code: 0 done, 1 failed, 2 asked for in a way that cannot work. */
export const runCli = async (
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> => {
  // The timers of a clock do not keep a process alive; a command that waits must not end because of that.
  const alive = setInterval(() => {}, 2 ** 30);
  try {
    const outcome = { exitCode: 0 };
    const program = createProgram({ config: () => readConfig(env), outcome });
    await program.parseAsync(args, { from: 'user' });
    return outcome.exitCode;
  } catch (error) {
    // Commander has said what was wrong, or shown the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const { message, exitCode } = error instanceof CliError ? error : explainStartFailure(error);
    process.stderr.write(`${styleText('red', 'orderflow:', { stream: process.stderr })} ${message}\n`);
    return exitCode;
  } finally {
    clearInterval(alive);
  }
};
