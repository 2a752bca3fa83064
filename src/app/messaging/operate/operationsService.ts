import type { ActionReader } from '../../../ports/adminActions.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Ids } from '../../../ports/ids.ts';
import type { OperationsService, RelayState } from '../../../ports/operations.ts';
import type { Outbox } from '../../../ports/outbox.ts';
import type { RelaySwitchReader } from '../../../ports/relaySwitch.ts';
import type { UnitOfWork } from '../../../ports/unitOfWork.ts';
import { recordAction } from './recordAction.ts';
import { retrying } from './retrying.ts';

export interface OperationsParts {
  readonly stores: {
    readonly unitOfWork: UnitOfWork;
    readonly outbox: Pick<Outbox, 'stats' | 'lastPublishedAt'>;
    readonly relaySwitch: RelaySwitchReader;
    readonly actions: ActionReader;
  };
  readonly clock: Clock;
  readonly ids: Ids;
  /** Of the relay of this process; `elsewhere` where it publishes nothing. */
  readonly relayState: () => RelayState;
  /** Called when every instance should look at the database. */
  readonly announce: () => void;
}

export const operationsService = ({
  stores,
  clock,
  ids,
  relayState,
  announce,
}: OperationsParts): OperationsService => {
  const { unitOfWork, outbox, relaySwitch, actions } = stores;
  const system = { clock, ids };
  return {
    outbox: async () => {
      const [stats, { paused }, lastSuccessAt] = await Promise.all([
        outbox.stats(clock.now()),
        relaySwitch.read(),
        outbox.lastPublishedAt(),
      ]);
      return { ...stats, relay: { state: paused ? 'paused' : relayState(), lastSuccessAt } };
    },
    retryOutbox: async (operator) => {
      const messages = await retrying(unitOfWork, async (tx) => {
        const offered = await tx.outbox.retryAll();
        await recordAction(tx, system, operator, { what: 'retry', messages: offered }, {});
        return offered;
      });
      announce();
      return messages;
    },
    pauseRelay: async (operator, paused) => {
      const at = clock.now();
      await retrying(unitOfWork, async (tx) => {
        await tx.relaySwitch.set({ paused, at, by: operator.who });
        await recordAction(tx, system, operator, { what: paused ? 'pause' : 'resume', messages: 0 }, {});
      });
      announce();
      return { paused, changedAt: at, changedBy: operator.who };
    },
    relaySwitch: () => relaySwitch.read(),
    actions: (query) => actions.list(query),
  };
};
