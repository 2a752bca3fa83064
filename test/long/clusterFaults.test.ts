import { describeFaults } from '../faults/faultRun.ts';
import { everyFault } from '../faults/faults.ts';

const number = (name: string, fallback: number): number => Number(process.env[name] || fallback);

describeFaults('a cluster under steady load', everyFault, {
  perSecond: number('FAULT_ORDERS_PER_SECOND', 500),
  calmSeconds: number('FAULT_CALM_SECONDS', 5),
  faultSeconds: number('FAULT_SECONDS', 8),
});
