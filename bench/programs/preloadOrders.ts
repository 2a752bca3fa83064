/** Fills a database with orders whose messages are all published. Reads `{ file, orders, numbered }`, prints `{ seconds }`. */
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { numberedOrderId } from '../support/callbackRequests.ts';
import { markAllPublished, placeOrders } from '../support/orders.ts';

const { file, orders, numbered } = JSON.parse(process.argv[2] ?? '') as {
  readonly file: string;
  readonly orders: number;
  /** With ids that can be told beforehand. */
  readonly numbered?: boolean;
};

const started = performance.now();
const stores = await openSqliteStores({ file, migrate: 'up', clock: systemClock, logger: silentLogger });
await placeOrders(stores, orders, numbered ? numberedOrderId : undefined);
await markAllPublished(stores);
await stores.close();
process.stdout.write(JSON.stringify({ seconds: (performance.now() - started) / 1000 }));
