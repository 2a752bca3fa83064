import { createHash } from 'node:crypto';
import { type CountFormat, type CountLine, readCounts } from './readCounts.ts';

export interface LineProblem {
  readonly line: number;
  readonly problem: string;
}

export interface ExaminedFile {
  /** Identifies the file by its content. */
  readonly sha256: string;
  readonly lines: number;
  /** Of all lines that are no count, how many; the first of them are in `problems`. */
  readonly invalid: number;
  readonly problems: readonly LineProblem[];
}

const maxProblems = 100;

/** Reads a whole file without an effect. A SKU that was counted on an earlier line is a problem: which count is true? */
export const examineCounts = async (file: string, format: CountFormat): Promise<ExaminedFile> => {
  const hash = createHash('sha256');
  const unique = uniqueSkus();
  const problems: LineProblem[] = [];
  let lines = 0;
  let invalid = 0;
  for await (const read of readCounts(file, format, (bytes) => hash.update(bytes))) {
    const one = unique(read);
    lines += 1;
    if (!('problem' in one)) continue;
    invalid += 1;
    if (problems.length < maxProblems) problems.push(one);
  }
  return { sha256: hash.digest('hex'), lines, invalid, problems };
};

/** Turns the second count of a SKU into a problem. */
export const uniqueSkus = (): ((read: CountLine) => CountLine) => {
  const seen = new Map<string, number>();
  return (read) => {
    if ('problem' in read) return read;
    const first = seen.get(read.sku);
    if (first === undefined) seen.set(read.sku, read.line);
    return first === undefined
      ? read
      : { line: read.line, problem: `${read.sku} was counted on line ${first} already` };
  };
};
