import { styleText } from 'node:util';
import { Command } from 'commander';
import { systemClock } from '../../adapters/system/SystemClock.ts';
import { type RebuildSummary, rebuildOrderViews } from '../orders/rebuildOrderViews.ts';
import type { CliContext } from './CliContext.ts';
import { countOf, duration } from './quantities.ts';
import { type Progress, startProgress } from './startProgress.ts';
import { stopOnSignal } from './stopOnSignal.ts';
import { withStores } from './withStores.ts';

/** `orderflow views rebuild` */
export const viewsCommand = ({ config, outcome }: CliContext): Command => {
  const views = new Command('views')
    .usage('rebuild')
    .description('Look after what is derived from the event log.');
  views
    .command('rebuild')
    .description('Make the order list equal to the fold of the event log again.')
    .option('--json', 'print { finished, events, orders, repaired, seconds }')
    .addHelpText(
      'after',
      `
Runs beside a service that writes, and takes nothing away from its clients: rows that are right stay as they are. It
may be stopped at any time and run again.

Examples:
  $ orderflow views rebuild
  $ orderflow views rebuild --json`,
    )
    .action(async ({ json }: { readonly json?: true }) => {
      const started = performance.now();
      const summary = await withStores(config(), (stores) => showingProgress(stores));
      const seconds = Math.round(performance.now() - started) / 1000;
      const { finished, events, orders, repaired } = summary;
      process.stdout.write(
        json
          ? `${JSON.stringify({ finished, events, orders, repaired, seconds })}\n`
          : describe(summary, seconds),
      );
      if (!finished) outcome.exitCode = 1;
    });
  return views;
};

const showingProgress = async (
  stores: Parameters<typeof rebuildOrderViews>[0]['stores'],
): Promise<RebuildSummary> => {
  const stop = stopOnSignal();
  const shown: { progress?: Progress } = {};
  try {
    return await rebuildOrderViews(
      { stores, clock: systemClock },
      {
        signal: stop.signal,
        onProgress: ({ position, until }) => {
          shown.progress ??= startProgress({ label: 'rebuilding', total: until, unit: 'events' });
          shown.progress.update(position);
        },
      },
    );
  } finally {
    shown.progress?.stop();
    stop.release();
  }
};

const describe = ({ finished, events, orders, repaired }: RebuildSummary, seconds: number): string => {
  const read = `${countOf(events, 'event')}, ${countOf(orders, 'order')} in ${duration(seconds)}`;
  if (!finished) {
    return `${styleText('yellow', 'Stopped')} after ${read}, ${countOf(repaired, 'row')} put right. Run it again to finish.\n`;
  }
  const result = repaired === 0 ? 'every row was right' : `${countOf(repaired, 'row')} put right`;
  return `${styleText('green', 'Done')}: ${read}; ${result}.\n`;
};
