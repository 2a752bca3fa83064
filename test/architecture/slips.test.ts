import { describe, expect, it } from 'vitest';
import { filesUnder, readProjectFile, trackedFiles } from './projectFiles.ts';

/** Written in two halves, so that this file does not hold what it looks for. */
const slips: readonly (readonly [string, RegExp])[] = [
  ['TO' + 'DO', new RegExp('\\bTO' + 'DO\\b')],
  ['FIX' + 'ME', new RegExp('\\bFIX' + 'ME\\b')],
  ['a merge conflict', /^(?:<{7}|>{7}) /m],
  ['a test that runs alone', new RegExp('\\b(?:it|test|describe)\\.on' + 'ly\\b')],
  ['a breakpoint', new RegExp('^\\s*debug' + 'ger;', 'm')],
];

const slipsIn = (text: string): readonly string[] =>
  slips.filter(([, pattern]) => pattern.test(text)).map(([name]) => name);

const isText = (text: string): boolean => !text.includes('\0');

describe('what is tracked', () => {
  const tracked = trackedFiles();

  it.skipIf(tracked === undefined)('holds no slips that were meant to be temporary (needs git)', () => {
    const present = new Set(filesUnder('.').filter((path) => !path.startsWith('node_modules/')));
    const found = (tracked ?? [])
      .filter((path) => present.has(path) && path !== 'package-lock.json')
      .map((path) => ({ path, text: readProjectFile(path) }))
      .filter(({ text }) => isText(text))
      .flatMap(({ path, text }) => slipsIn(text).map((slip) => `${path}: ${slip}`));
    expect(found).toEqual([]);
  });

  it('the search for slips finds them', () => {
    const text = [
      '// TO' + 'DO later',
      `${'<'.repeat(7)} HEAD`,
      'it.on' + "ly('x')",
      '  debug' + 'ger;',
    ].join('\n');
    expect(slipsIn(text)).toHaveLength(4);
    expect(slipsIn('a mastodon, only once')).toEqual([]);
  });
});
