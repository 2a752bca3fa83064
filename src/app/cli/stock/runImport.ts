import { createHash } from 'node:crypto';
import { silentLogger } from '../../../adapters/system/PinoLogger.ts';
import { systemClock } from '../../../adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../../adapters/system/UuidV7Ids.ts';
import type { Stores } from '../../../ports/stores.ts';
import { snapshotSchemas } from '../../commands/snapshots.ts';
import { WritePipeline } from '../../commands/WritePipeline.ts';
import { importCounts } from '../../inventory/importCounts.ts';
import { stockModel } from '../../inventory/inventoryModels.ts';
import { CliError } from '../CliError.ts';
import { type ExaminedFile, uniqueSkus } from './examineCounts.ts';
import { type CountFormat, type CountLine, readCounts } from './readCounts.ts';

export interface ImportOptions {
  readonly file: string;
  readonly format: CountFormat;
  readonly examined: ExaminedFile;
  /** Sets everything anew, also what an earlier run of this very file has set. */
  readonly again: boolean;
  readonly signal: AbortSignal;
  /** How many lines are done. */
  readonly onProgress: (lines: number) => void;
}

export interface ImportSummary {
  readonly finished: boolean;
  /** Counts that are set now, by this run or an earlier one. */
  readonly set: number;
  /** Of these, how many were news. */
  readonly changed: number;
  /** Of these, how many an earlier run of this file had set. */
  readonly resumed: number;
}

/** Lines in one transaction. It must stay as it is: what was set is remembered by the number of its part. */
const partSize = 500;

/** Sets the counts of an examined file, part by part, each once for the file's content. */
export const runImport = async (stores: Stores, options: ImportOptions): Promise<ImportSummary> => {
  const { examined, again, signal, onProgress } = options;
  const run = uuidV7Ids.next();
  const name = again ? run : examined.sha256;
  const pipeline = new WritePipeline({
    unitOfWork: stores.unitOfWork,
    snapshotSchemas: snapshotSchemas([stockModel]),
    clock: systemClock,
    ids: uuidV7Ids,
    logger: silentLogger,
    capacity: 1,
    maxBatch: 1,
    onCommitted: () => {},
  });
  let summary: ImportSummary = { finished: true, set: 0, changed: 0, resumed: 0 };
  let lines = 0;
  for await (const { number, part } of partsOf(options)) {
    if (signal.aborted) return { ...summary, finished: false };
    const counts = part.flatMap((one) => ('problem' in one ? [] : [one]));
    const { changed, replayed } = await importCounts(pipeline, {
      cause: { tenant: 'default', correlationId: run, causationId: run, traceparent: null },
      key: `${name}:${number}`,
      at: new Date(systemClock.now()).toISOString(),
      counts,
    });
    summary = {
      ...summary,
      set: summary.set + counts.length,
      changed: summary.changed + changed,
      resumed: summary.resumed + (replayed ? counts.length : 0),
    };
    lines += part.length;
    onProgress(lines);
  }
  return summary;
};

async function* partsOf({ file, format, examined }: ImportOptions) {
  const hash = createHash('sha256');
  const unique = uniqueSkus();
  let part: CountLine[] = [];
  let number = 1;
  for await (const read of readCounts(file, format, (bytes) => hash.update(bytes))) {
    part.push(unique(read));
    if (part.length < partSize) continue;
    yield { number, part };
    part = [];
    number += 1;
  }
  if (hash.digest('hex') !== examined.sha256)
    throw new CliError(`${file} was changed while it was read. Run the import again.`, 1);
  if (part.length > 0) yield { number, part };
}
