import { describeFaults } from './faultRun.ts';
import { connectionsClosed, consumerKilled, leaderKilled } from './faults.ts';

/** The short form; `npm run test:long -- clusterFaults` has them all, for longer and under more load. */
describeFaults('a cluster under light load', [connectionsClosed, consumerKilled, leaderKilled], {
  perSecond: 100,
  placedPerSecond: 25, // whatever else the machine does
  warmUpSeconds: 2,
  calmSeconds: 2,
  faultSeconds: 3,
});
