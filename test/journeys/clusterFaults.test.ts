import { describeFaults } from '../faults/faultRun.ts';
import { channelsKilled, connectionsClosed, consumerKilled, leaderKilled } from '../faults/faults.ts';

/** The short form; `npm run test:faults` has them all, for longer and under more load. */
describeFaults(
  'a cluster under light load',
  [connectionsClosed, channelsKilled, consumerKilled, leaderKilled],
  { perSecond: 100, calmSeconds: 2, faultSeconds: 3 },
);
