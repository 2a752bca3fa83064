import type { Config } from '../config.ts';

/** What a command works with. */
export interface CliContext {
  /** Read only by the commands that need it; throws `ConfigError`. */
  readonly config: () => Config;
  /** What stands before the command, to be repeated in advice: `orderflow`, perhaps with its `--context`. */
  readonly program: () => string;
  /** For a command that ends as it should and still has bad news. */
  readonly outcome: { exitCode: number };
}
