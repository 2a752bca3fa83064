import type { AdminAction, Operator } from '../../../ports/adminActions.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Ids } from '../../../ports/ids.ts';
import type { Transaction } from '../../../ports/unitOfWork.ts';

/** Records who does what, in the transaction of its effect. */
export const recordAction = (
  tx: Transaction,
  { clock, ids }: { readonly clock: Clock; readonly ids: Ids },
  { tenant, who }: Operator,
  action: Pick<AdminAction, 'what' | 'messages'>,
  detail: object,
): Promise<void> =>
  tx.actions.record({
    id: ids.next(),
    tenant,
    at: clock.now(),
    who,
    ...action,
    detail: JSON.stringify(detail),
  });
