import { expect, it } from 'vitest';
import { stallNotice } from '../../src/app/cli/stallNotice.ts';

it('a job that does not move is told once, after ten seconds', () => {
  let now = 0;
  const told: string[] = [];
  const tell = stallNotice(
    () => now,
    (text) => told.push(text),
  );
  for (const [at, done] of [
    [0, 0],
    [9_000, 0],
    [9_500, 1],
    [19_000, 1],
  ] as const) {
    now = at;
    tell(done);
  }
  expect(told).toEqual([]);
  for (const at of [19_500, 40_000]) {
    now = at;
    tell(1);
  }
  expect(told).toHaveLength(1);
  expect(told[0]).toContain('is there one on this database?');
});
