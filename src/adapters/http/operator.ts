import type { Operator } from '../../ports/adminActions.ts';
import type { Exchange } from './Exchange.ts';

/** Whom an admin action is recorded for. */
export const operatorOf = ({ tenant, caller }: Exchange): Operator => ({ tenant, who: caller });
