import { silentLogger } from '../../adapters/system/PinoLogger.ts';
import { systemClock } from '../../adapters/system/SystemClock.ts';
import type { Stores } from '../../ports/stores.ts';
import { openExistingStores } from '../composition/existingDatabase.ts';
import type { Config } from '../config.ts';

/** Works on the configured database, beside a running service, and closes it again. Opens no broker. */
export const withStores = async <T>(config: Config, work: (stores: Stores) => Promise<T>): Promise<T> => {
  const stores = await openExistingStores(config, systemClock, silentLogger);
  try {
    return await work(stores);
  } finally {
    await stores.close();
  }
};
