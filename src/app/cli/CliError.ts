/** What a person did or has to do, in a sentence or two: printed as it is, without a stack. */
export class CliError extends Error {
  readonly exitCode: 1 | 2;
  /** 1: it failed; 2: it was asked for in a way that cannot work. */
  constructor(message: string, exitCode: 1 | 2) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}
