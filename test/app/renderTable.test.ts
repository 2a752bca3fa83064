import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { count, countOf, duration, milliseconds } from '../../src/app/cli/quantities.ts';
import { printable, renderTable } from '../../src/app/cli/renderTable.ts';

const table = {
  columns: [{ title: 'Source' }, { title: 'Count', align: 'right' }, { title: 'Because' }],
  rows: [
    ['orders/1', '7', 'the envelope is larger than the broker takes'],
    ['orders/22', '1,234', ''],
  ],
} as const;

describe('a table', () => {
  it('is aligned text, a line per row, where the output goes elsewhere', () => {
    expect(renderTable(table, { isTTY: false })).toBe(
      [
        'Source     Count  Because',
        'orders/1       7  the envelope is larger than the broker takes',
        'orders/22  1,234',
        '',
      ].join('\n'),
    );
  });

  it('has one rule under its head in a terminal', () => {
    const lines = stripVTControlCharacters(renderTable(table, { isTTY: true })).split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(/^ Source {5}Count {2}Because/);
    expect(lines[1]).toMatch(/^─+$/);
    expect(lines[2]).toMatch(/^ orders\/1 {7}7 {2}the envelope/);
  });

  it('puts a long last column below its row in a terminal, cut at spaces', () => {
    const text = stripVTControlCharacters(renderTable({ ...table, lastBelow: true }, { isTTY: true }));
    const lines = text.split('\n').map((line) => line.trimEnd());
    expect(lines.slice(2, 6)).toEqual([
      ' orders/1       7',
      '   the envelope is',
      '   larger than the',
      '   broker takes',
    ]);
  });

  it('lets nothing through that a terminal would obey', () => {
    expect(printable('red \u001b[31malert\u001b[0m\u0007 and\r\nmore\u202e \u009b2J')).toBe(
      'red alert\u{fffd} and more\u{fffd} ',
    );
  });
});

describe('quantities', () => {
  it('are short and readable', () => {
    expect([count(1_234_567), countOf(1, 'row'), countOf(2, 'row'), countOf(0, 'copy', 'copies')]).toEqual([
      '1,234,567',
      '1 row',
      '2 rows',
      '0 copies',
    ]);
    expect([milliseconds(3.21), milliseconds(1234.5)]).toEqual(['3.2 ms', '1,235 ms']);
    expect([0.04, 9.96, 12.4, 59.4, 59.6, 185, 3_599.6, 7_800, 273_600].map(duration)).toEqual([
      '0 s',
      '10 s',
      '12 s',
      '59 s',
      '1 min 0 s',
      '3 min 5 s',
      '1 h 0 min',
      '2 h 10 min',
      '3 d 4 h',
    ]);
  });
});
