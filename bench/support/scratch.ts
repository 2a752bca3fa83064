import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const directories = new Set<string>();

/** An empty directory that is removed by `removeScratch`, and at the latest when this process ends. */
export const scratchDirectory = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'orderflow-bench-'));
  directories.add(directory);
  return directory;
};

export const removeScratch = (directory: string): void => {
  directories.delete(directory);
  rmSync(directory, { recursive: true, force: true });
};

process.once('exit', () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});
