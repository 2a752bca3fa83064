import type { Cause, CommandResult } from '../../ports/commands.ts';
import type { WritePipeline } from '../commands/WritePipeline.ts';
import { stockModel, stockStream } from './inventoryModels.ts';

export interface CountsToSet {
  readonly cause: Cause;
  /** Names this part of this import: what was set under it once is not set again. */
  readonly key: string;
  /** ISO 8601. */
  readonly at: string;
  readonly counts: readonly { readonly sku: string; readonly onHand: number }[];
}

export interface CountsSet {
  /** How many of them differed from what was known. */
  readonly changed: number;
  /** Whether they had been set before, under this key. */
  readonly replayed: boolean;
}

/** Sets many counts in one transaction, once. A count that is as it was already leaves no event. */
export const importCounts = async (
  pipeline: Pick<WritePipeline, 'submit'>,
  { cause, key, at, counts }: CountsToSet,
): Promise<CountsSet> => {
  const result: CommandResult<number> = await pipeline.submit({
    cause,
    streams: counts.map(({ sku }) => stockStream(sku)),
    // The key holds the hash of the file that the counts are from: it stands for them.
    repeatable: { caller: 'stock-import', key, fingerprint: key, remember: String },
    run: (session) => {
      let changed = 0;
      for (const { sku, onHand } of counts) {
        const decision = session.execute(stockModel, sku, { type: 'SetStock', at, onHand });
        if (!decision.ok) throw new Error(`${sku}: ${decision.error.detail}`);
        if (decision.events.length > 0) changed += 1;
      }
      return changed;
    },
  });
  if (result.kind === 'key_reused') throw new Error('this part of the import is known with other counts');
  return result.kind === 'replayed'
    ? { changed: Number(result.answer), replayed: true }
    : { changed: result.outcome, replayed: false };
};
