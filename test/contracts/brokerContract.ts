import { describe } from 'vitest';
import { brokerConfirms } from './brokerConfirms.ts';
import { brokerConsuming } from './brokerConsuming.ts';
import { brokerFailures } from './brokerFailures.ts';
import type { BrokerFeatures, BrokerMaker } from './brokerHarness.ts';
import { brokerListening } from './brokerListening.ts';
import { brokerQueues } from './brokerQueues.ts';
import { brokerRouting } from './brokerRouting.ts';

/** What every adapter of the port `Broker` must do. `make` gives a broker with this topology, ready to publish. */
export const brokerContract = (name: string, features: BrokerFeatures, make: BrokerMaker): void => {
  describe(`broker contract: ${name}`, () => {
    describe('routing', () => brokerRouting(make));
    describe('confirms', () => brokerConfirms(features, make));
    describe('consuming', () => brokerConsuming(make));
    describe('listening', () => brokerListening(make));
    describe('queues', () => brokerQueues(features, make));
    describe('failures', () => brokerFailures(make));
  });
};
