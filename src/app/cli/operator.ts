import { userInfo } from 'node:os';
import { systemClock } from '../../adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../adapters/system/UuidV7Ids.ts';
import type { Operator } from '../../ports/adminActions.ts';
import type { OperationsService } from '../../ports/operations.ts';
import type { Stores } from '../../ports/stores.ts';
import { operationsService } from '../messaging/operate/operationsService.ts';

/** Whom an action on the command line is recorded for. */
export const operator = (): Operator => ({ tenant: 'default', who: `cli:${userInfo().username}` });

/** Beside the services that run: they see what was changed by themselves, in a second or two. */
export const operationsOf = (stores: Stores): OperationsService =>
  operationsService({
    stores,
    clock: systemClock,
    ids: uuidV7Ids,
    relayState: () => 'elsewhere',
    announce: () => {},
  });
