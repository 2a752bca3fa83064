import { describeChoreography } from '../faults/choreography/choreographyRun.ts';

const number = (name: string, fallback: number): number => Number(process.env[name] || fallback);

describeChoreography('a shop of four processes, each with a database of its own', {
  perSecond: number('FAULT_ORDERS_PER_SECOND', 200),
  seconds: number('FAULT_SECONDS', 120),
  killEveryMs: 5_000,
  downMs: 2_000,
  paymentDeadlineSeconds: 60,
  settleWithinMs: 900_000,
});
