import { describe } from 'vitest';
import { deadLettersContract } from './deadLettersContract.ts';
import { eventStoreContract } from './eventStoreContract.ts';
import { idempotencyStoreContract } from './idempotencyStoreContract.ts';
import { inboxContract } from './inboxContract.ts';
import { messageTraceContract } from './messageTraceContract.ts';
import { orderViewsContract } from './orderViewsContract.ts';
import { orderViewsRebuildContract } from './orderViewsRebuildContract.ts';
import { outboxContract } from './outboxContract.ts';
import { partitionLeasesContract } from './partitionLeasesContract.ts';
import { processRegisterContract } from './processRegisterContract.ts';
import { snapshotsContract } from './snapshotsContract.ts';
import { storeAdapters } from './storeAdapters.ts';
import { unitOfWorkContract } from './unitOfWorkContract.ts';

describe.each(storeAdapters)('$name', (adapter) => {
  unitOfWorkContract(adapter);
  eventStoreContract(adapter);
  snapshotsContract(adapter);
  outboxContract(adapter);
  partitionLeasesContract(adapter);
  idempotencyStoreContract(adapter);
  inboxContract(adapter);
  deadLettersContract(adapter);
  processRegisterContract(adapter);
  orderViewsContract(adapter);
  orderViewsRebuildContract(adapter);
  messageTraceContract(adapter);
});
