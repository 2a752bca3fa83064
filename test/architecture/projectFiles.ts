import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Sources } from './checkLayers.ts';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

/** Every file of a folder, relative to the project, with forward slashes. */
export const filesUnder = (folder: string): readonly string[] =>
  readdirSync(join(projectRoot, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(projectRoot, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();

export const readProjectFile = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');

export const sourcesUnder = (folder: string): Sources =>
  new Map(
    filesUnder(folder)
      .filter((path) => path.endsWith('.ts'))
      .map((path) => [path, readProjectFile(path)]),
  );

/** What git tracks; undefined where this is no git checkout. */
export const trackedFiles = (): readonly string[] | undefined => {
  try {
    const listed = execFileSync('git', ['ls-files', '-z'], {
      cwd: projectRoot,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return listed.toString('utf8').split('\0').filter(Boolean);
  } catch {
    return undefined;
  }
};
