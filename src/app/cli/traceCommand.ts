import { Command } from 'commander';
import { silentLogger } from '../../adapters/system/PinoLogger.ts';
import { systemClock } from '../../adapters/system/SystemClock.ts';
import { openEveryDatabase } from '../composition/existingDatabase.ts';
import { causalTree, type Findings } from '../tracing/causalTree.ts';
import { findOrder, findRequest } from '../tracing/findTrace.ts';
import type { CliContext } from './CliContext.ts';
import { CliError } from './CliError.ts';
import { type Progress, startProgress } from './startProgress.ts';
import { drawTrace } from './trace/drawTrace.ts';

const tenant = 'default';

interface Options {
  readonly request?: true;
  readonly json?: true;
}

/** `orderflow trace <orderId>` */
export const traceCommand = ({ config }: CliContext): Command =>
  new Command('trace')
    .usage('<order id>')
    .description('Draw what an order, or a request, led to: events, messages and effects, with their times.')
    .argument('<id>', 'of the order')
    .option(
      '--request',
      'the id is that of a request (X-Request-Id), or its trace id; all events are searched',
    )
    .option('--json', 'print the tree')
    .addHelpText(
      'after',
      `
Times count from the first event. Messages are known for as long as the outbox keeps them (OUTBOX_RETENTION_HOURS).
Looks into the databases of all contexts that are configured here. The service's log lines name the request as
"correlationId"; with LOG_LEVEL=debug there is one for every answer and every message that was handled.

Examples:
  $ orderflow trace 019ac5d2-6f0e-7cc1-a2b4-0d7a55f1a0a3
  $ orderflow trace --request my-request-1 --json`,
    )
    .action(async (id: string, { request, json }: Options) => {
      const stores = await openEveryDatabase(config(), systemClock, silentLogger);
      try {
        const roots = causalTree(request ? await search(stores, id) : await findOrder(stores, tenant, id));
        if (roots.length === 0) {
          const what = request ? 'Nothing followed from a request' : 'There is no order';
          throw new CliError(
            `${what} ${id} in ${stores.length === 1 ? 'this database' : 'these databases'}.`,
            1,
          );
        }
        process.stdout.write(json ? `${JSON.stringify(roots)}\n` : drawTrace(roots));
      } finally {
        for (const one of stores) await one.close();
      }
    });

const search = async (stores: Parameters<typeof findRequest>[0], id: string): Promise<Findings> => {
  const shown: { progress?: Progress } = {};
  try {
    return await findRequest(stores, tenant, id, (seen, total) => {
      shown.progress ??= startProgress({ label: 'searching', total, unit: 'events' });
      shown.progress.update(seen);
    });
  } finally {
    shown.progress?.stop();
  }
};
