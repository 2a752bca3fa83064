import { InMemoryBroker } from '../../src/adapters/memory/InMemoryBroker.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { recordingLogger } from '../support/recordingLogger.ts';
import { brokerContract } from './brokerContract.ts';
import type { BrokerMaker } from './brokerHarness.ts';

const maker =
  (confirm: 'on-enqueue' | 'on-consumed'): BrokerMaker =>
  async (topology, { confirmTimeoutMs }) => {
    const logger = recordingLogger();
    const closeTimeoutMs = 200;
    const options = { topology, clock: systemClock, logger, confirm, confirmTimeoutMs, closeTimeoutMs };
    const broker = new InMemoryBroker(options);
    const others: InMemoryBroker[] = [];
    return {
      broker,
      log: logger.entries,
      connectAnother: async () => {
        const other = new InMemoryBroker({ ...options, server: broker.server });
        others.push(other);
        return other;
      },
      goAway: async () => broker.disconnect(),
      comeBack: async () => {
        broker.faults.releaseConfirms();
        broker.reconnect();
      },
      block: async () => broker.block(),
      unblock: async () => broker.unblock(),
      loseConfirms: async () => broker.faults.holdConfirms(),
      deleteQueue: async (name) => broker.server.deleteQueue(name),
      dispose: async () => {
        for (const each of [broker, ...others]) await each.close();
      },
    };
  };

brokerContract(
  'in memory, confirming on enqueue',
  { missing: { 'confirms when the message is consumed': 'this mode confirms as RabbitMQ does' } },
  maker('on-enqueue'),
);

brokerContract(
  'in memory, confirming what is consumed',
  { missing: { 'confirms when the message is in its queues': 'this mode waits for the consumers' } },
  maker('on-consumed'),
);
