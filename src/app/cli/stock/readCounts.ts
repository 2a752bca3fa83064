import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { measureJson } from '../../../adapters/http/jsonShape.ts';
import { isVisibleId } from '../../../adapters/http/text.ts';
import { maxOnHand } from '../../../domain/inventory/stock.ts';
import { CliError } from '../CliError.ts';

export type CountFormat = 'csv' | 'ndjson';

/** One line of a file of counts, or why it is none. */
export type CountLine =
  | { readonly line: number; readonly sku: string; readonly onHand: number }
  | { readonly line: number; readonly problem: string };

/** Reads a file line by line, whatever its size. `onBytes` sees all of it. Throws `CliError` for what is no such file. */
export const readCounts = (
  file: string,
  format: CountFormat,
  onBytes: (bytes: Buffer) => void,
): AsyncGenerator<CountLine> =>
  format === 'csv' ? readCsv(decoded(file, onBytes)) : readNdjson(decoded(file, onBytes));

async function* decoded(file: string, onBytes: (bytes: Buffer) => void): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const bytes of createReadStream(file) as AsyncIterable<Buffer>) {
      onBytes(bytes);
      yield decoder.decode(bytes, { stream: true });
    }
    yield decoder.decode();
  } catch (error) {
    if (error instanceof TypeError) throw new CliError(`${file} is not text in UTF-8.`, 1);
    throw new CliError(`${file} cannot be read: ${(error as Error).message}.`, 1);
  }
}

/** Columns are found by their names in the first line; others than these are not looked at. */
const columns = ['sku', 'onHand'] as const;

async function* readCsv(text: AsyncIterable<string>): AsyncGenerator<CountLine> {
  const parser = parse({ columns: namesOf, info: true, skip_empty_lines: true, relax_column_count: true });
  const fed = pipeline(Readable.from(text), parser);
  // What goes wrong there comes out of the parser too.
  fed.catch(() => undefined);
  let last = 1;
  try {
    for await (const { record, info } of parser as AsyncIterable<CsvRow>) {
      last = info.lines;
      const { sku = '', onHand = '' } = record;
      yield checked(last, sku, /^\d{1,16}$/.test(onHand) ? Number(onHand) : Number.NaN);
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // Where a quotation mark is wrong nobody can say where the next line begins.
    yield { line: last + 1, problem: `not CSV, and nothing behind it can be read: ${error.message}` };
  }
}

interface CsvRow {
  readonly record: { readonly sku?: string; readonly onHand?: string };
  readonly info: { readonly lines: number };
}

const namesOf = (header: readonly string[]): string[] => {
  const names = header.map((name) => name.trim());
  for (const column of columns) {
    if (names.filter((name) => name === column).length === 1) continue;
    throw new CliError('The first line of a CSV file must name the columns sku and onHand, each once.', 1);
  }
  return names;
};

/** No line of counts is nearly as long. */
const maxLineLength = 64 * 1024;

async function* readNdjson(text: AsyncIterable<string>): AsyncGenerator<CountLine> {
  let rest = '';
  let line = 0;
  for await (const chunk of text) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxLineLength) throw new CliError(`Line ${line + 1} is too long for NDJSON.`, 1);
    for (const one of lines) {
      line += 1;
      if (one.trim() !== '') yield parseLine(line, one);
    }
  }
  if (rest.trim() !== '') yield parseLine(line + 1, rest);
}

const parseLine = (line: number, text: string): CountLine => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { line, problem: 'not JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { line, problem: 'not a JSON object' };
  const { sku, onHand, ...others } = value as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) return { line, problem: `${unknown} is not a member of a count` };
  // What else may be nested in them is refused anyway.
  if (measureJson(text).members > Object.keys(value).length)
    return { line, problem: 'a member stands there twice' };
  return checked(line, typeof sku === 'string' ? sku : '', typeof onHand === 'number' ? onHand : Number.NaN);
};

const checked = (line: number, sku: string, onHand: number): CountLine => {
  if (!isVisibleId(sku)) return { line, problem: 'sku must have 1 to 64 visible characters, without blanks' };
  if (Number.isInteger(onHand) && onHand >= 0 && onHand <= maxOnHand) return { line, sku, onHand };
  return { line, problem: `onHand must be a whole number from 0 to ${maxOnHand}` };
};
