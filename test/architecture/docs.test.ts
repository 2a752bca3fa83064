import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesUnder, projectRoot, readProjectFile } from './projectFiles.ts';

/** Targets of Markdown links within the project, without anchors; code is not looked at. */
const localLinks = (markdown: string): readonly string[] =>
  [...markdown.replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, '').matchAll(/\]\(<?([^)\s>]+)>?[^)]*\)/g)]
    .map(([, target = '']) => target.split('#')[0] ?? '')
    .filter((target) => target !== '' && !/^[a-z][a-z+.-]*:/i.test(target));

/** The rows of the tables below the heading `Configuration`, as far as they are about a variable. */
const configurationRows = (path: string): readonly string[] =>
  (readProjectFile(path).split(/^#+ Configuration$/m)[1] ?? '')
    .split('\n')
    .filter((line) => /^\| `[A-Z_]+`/.test(line));

const variablesIn = (rows: readonly string[]): readonly string[] =>
  rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => name));

const exists = (path: string): boolean => existsSync(join(projectRoot, path));

describe('the documents', () => {
  const documents = ['README.md', 'CONTRIBUTING.md', ...filesUnder('docs')].filter(
    (path) => path.endsWith('.md') && exists(path),
  );

  it('link to files that exist', () => {
    const broken = documents.flatMap((path) =>
      localLinks(readProjectFile(path))
        .map((target) => posix.join(posix.dirname(path), decodeURI(target)))
        .filter((target) => !exists(target))
        .map((target) => `${path} -> ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('decisions are numbered without gaps in their form: context, decision, consequences', () => {
    const decisions = filesUnder('docs/adr').filter((path) => path.endsWith('.md'));
    for (const path of decisions) {
      expect(path).toMatch(/^docs\/adr\/\d{4}-[a-z0-9-]+\.md$/);
      for (const heading of ['Context', 'Decision', 'Consequences']) {
        expect(`${path}\n${readProjectFile(path)}`).toMatch(new RegExp(`^#+ ${heading}`, 'm'));
      }
    }
    const numbers = decisions.map((path) => path.slice('docs/adr/'.length).slice(0, 4));
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  describe('on the configuration', () => {
    const read = ['src/app/config.ts', ...filesUnder('src/app/config')].flatMap((path) =>
      [...readProjectFile(path).matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map(([, name = '']) => name),
    );

    it('list every variable that the program reads, once, and no other', () => {
      expect(read.length).toBeGreaterThan(40);
      expect(variablesIn(configurationRows('docs/configuration.md')).toSorted()).toEqual(read.toSorted());
    });

    it('say in the README the same of those it has', () => {
      const all = configurationRows('docs/configuration.md');
      const some = configurationRows('README.md');
      expect(some.length).toBeGreaterThan(5);
      expect(some.filter((row) => !all.includes(row))).toEqual([]);
    });
  });

  it('the search for links finds them', () => {
    const text = '[a](docs/a.md#part) ![b](<b.png> "t") [c](https://example.org) [d](#here) `[e](e.md)`';
    expect(localLinks(text)).toEqual(['docs/a.md', 'b.png']);
  });
});
