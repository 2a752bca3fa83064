import type { Topology } from '../../src/ports/broker.ts';
import { type QueuePlan, topologyWith } from '../support/brokerTopology.ts';
import { uniquePrefix } from '../support/services.ts';
import type { BrokerMaker, BrokerUnderTest } from './brokerHarness.ts';

export interface BrokerScene extends BrokerUnderTest {
  readonly topology: Topology;
  /** The full name of a queue of the plan. */
  readonly queue: (name: string) => string;
}

/** Runs a test against a fresh topology, and clears up whatever happens. */
export const withBroker = async (
  make: BrokerMaker,
  plan: {
    readonly queues: readonly QueuePlan[] | ((prefix: string) => readonly QueuePlan[]);
    readonly links?: Parameters<typeof topologyWith>[2];
    readonly confirmTimeoutMs?: number;
  },
  test: (scene: BrokerScene) => Promise<void>,
): Promise<void> => {
  const prefix = uniquePrefix();
  const queues = typeof plan.queues === 'function' ? plan.queues(prefix) : plan.queues;
  const topology = topologyWith(prefix, queues, plan.links);
  const underTest = await make(topology, { confirmTimeoutMs: plan.confirmTimeoutMs ?? 5000 });
  try {
    await test({ ...underTest, topology, queue: (name) => prefix + name });
  } finally {
    await underTest.dispose();
  }
};
