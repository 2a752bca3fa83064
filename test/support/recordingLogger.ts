import type { Logger } from '../../src/ports/logger.ts';

export interface LogEntry {
  readonly level: keyof Logger;
  readonly fields: object;
  readonly message: string;
}

/** A logger whose entries can be read back. */
export const recordingLogger = (): Logger & { readonly entries: readonly LogEntry[] } => {
  const entries: LogEntry[] = [];
  const record = (level: keyof Logger) => (fields: object, message: string) => {
    entries.push({ level, fields, message });
  };
  return {
    entries,
    debug: record('debug'),
    info: record('info'),
    warn: record('warn'),
    error: record('error'),
  };
};
