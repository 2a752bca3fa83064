import { stripVTControlCharacters, styleText } from 'node:util';
import Table from 'cli-table3';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

export interface TableText {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
  /** The last column is long: in a terminal it stands below its row. */
  readonly lastBelow?: boolean;
}

/**
 * Rows for people: a table in a terminal; one aligned line per row where the output goes elsewhere. Ends with a line
 * break.
 */
export const renderTable = (
  { columns, rows, lastBelow = false }: TableText,
  stream: { readonly isTTY?: boolean } = process.stdout,
): string => {
  const cells = rows.map((row) => row.map(printable));
  if (stream.isTTY !== true) return `${aligned(columns, cells)}\n`;
  return `${lastBelow ? ruledWithNotes(columns, cells) : ruled(columns, cells)}\n`;
};

/** What was stored may hold anything; in a terminal control characters would be obeyed. */
export const printable = (text: string): string =>
  stripVTControlCharacters(text)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}');

const ruled = (columns: readonly Column[], rows: readonly (readonly CellContent[])[]): string => {
  const table = new Table({
    head: columns.map(({ title }) => styleText('bold', title)),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    style: { head: [], border: [], compact: true },
    chars: lineChars,
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString().replaceAll(/^\s*\n|\s+$/g, '');
};

type CellContent = string | { readonly content: string; readonly colSpan: number };

const ruledWithNotes = (columns: readonly Column[], rows: readonly (readonly string[])[]): string => {
  const short = columns.slice(0, -1);
  const widths = contentWidths(
    short,
    rows.map((row) => row.slice(0, -1)),
  );
  const width = widths.reduce((sum, one) => sum + one + 2, 0) - 4;
  const cells = rows.flatMap((row): CellContent[][] => {
    const note = wrap(row.at(-1) ?? '', Math.max(20, width)).map((line) => `  ${styleText('dim', line)}`);
    return [row.slice(0, -1), [{ content: note.join('\n'), colSpan: short.length }]];
  });
  return ruled(short, cells);
};

/** At spaces where there are any. */
const wrap = (text: string, width: number): readonly string[] =>
  text.match(new RegExp(`.{1,${width}}(?:\\s|$)|.{${width}}`, 'gu'))?.map((line) => line.trim()) ?? [];

/** One rule, under the head: what is to be read stands in the rows. */
const none = [
  'top',
  'top-mid',
  'top-left',
  'top-right',
  'bottom',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
];
const noWalls = ['left', 'right', 'middle'];
const rule = ['mid', 'left-mid', 'mid-mid', 'right-mid'];
const lineChars = Object.fromEntries([
  ...[...none, ...noWalls].map((name) => [name, '']),
  ...rule.map((name) => [name, '─']),
]);

const aligned = (columns: readonly Column[], rows: readonly (readonly string[])[]): string => {
  const widths = contentWidths(columns, rows);
  const line = (row: readonly string[]) =>
    row
      .map((cell, index) => {
        const width = widths[index] ?? 0;
        return columns[index]?.align === 'right' ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [columns.map(({ title }) => title), ...rows].map(line).join('\n');
};

const contentWidths = (columns: readonly Column[], rows: readonly (readonly string[])[]): number[] =>
  columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => [...(row[index] ?? '')].length)),
  );
