import { describeFaults } from '../faults/faultRun.ts';
import { everyFault } from '../faults/faults.ts';

const number = (name: string, fallback: number): number => Number(process.env[name] || fallback);

const perSecond = number('FAULT_ORDERS_PER_SECOND', 600);

describeFaults('a cluster under steady load', everyFault, {
  perSecond,
  // What a fault takes from the machine may cost some of what is offered.
  placedPerSecond: number('FAULT_ORDERS_PLACED', Math.floor((perSecond * 5) / 6)),
  warmUpSeconds: 30,
  calmSeconds: number('FAULT_CALM_SECONDS', 5),
  faultSeconds: number('FAULT_SECONDS', 8),
});
