import Table from 'cli-table3';
import { isMet, type Must, medianOf, type Result } from '../figure.ts';

const digits = (value: number, unit: string): string =>
  unit === '' ? value.toFixed(2) : `${value.toFixed(0)} ${unit}`;

const mustText = (must: Must, unit: string): string =>
  'atLeast' in must ? `≥ ${digits(must.atLeast, unit)}` : `≤ ${digits(must.atMost, unit)}`;

/** The medians beside what they must be, and every round that they come from. */
export const showTable = (
  results: readonly Result[],
  skipped: readonly { readonly figure: string; readonly reason: string }[],
): void => {
  const table = new Table({
    head: ['figure', 'must', 'median', 'rounds', ''],
    style: { head: [], border: [] },
  });
  for (const result of results) {
    const { title, unit, must, rounds } = result;
    const each = rounds.map(({ value }) => digits(value, '')).join(' ');
    table.push([
      title,
      mustText(must, unit),
      digits(medianOf(result), unit),
      each,
      isMet(result) ? 'met' : 'missed',
    ]);
  }
  for (const { figure, reason } of skipped) table.push([figure, '', '', reason, 'skipped']);
  console.info(`\n${table.toString()}`);
};
