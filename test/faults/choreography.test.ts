import { describeChoreography } from './choreography/choreographyRun.ts';

/** The short form; `npm run test:long -- choreography` kills for two minutes, under more load. */
describeChoreography('a shop of four processes, each with a database of its own', {
  perSecond: 40,
  seconds: 20,
  killEveryMs: 1_000,
  downMs: 1_000,
  paymentDeadlineSeconds: 10,
  settleWithinMs: 120_000,
});
