import { type AmqpBrokerOptions, connectAmqpBroker } from '../../src/adapters/amqp/connectAmqpBroker.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import type { Broker } from '../../src/ports/broker.ts';
import { connectionBlocked, connectionUnblocked } from '../support/amqpFrames.ts';
import { rabbitmqAdmin, rabbitmqProxy } from '../support/rabbitmq.ts';
import { recordingLogger } from '../support/recordingLogger.ts';
import { describeWithService, rabbitmqUrl } from '../support/services.ts';
import { brokerContract } from './brokerContract.ts';
import type { BrokerMaker } from './brokerHarness.ts';

type Channels = Pick<AmqpBrokerOptions, 'publishChannels' | 'publishStrategy'>;

const maker =
  (channels: Channels): BrokerMaker =>
  async (topology, { confirmTimeoutMs }) => {
    const admin = await rabbitmqAdmin();
    const { proxy, url } = await rabbitmqProxy();
    const logger = recordingLogger();
    const connectTo = async (urls: string): Promise<Broker> => {
      const broker = connectAmqpBroker({
        urls,
        topology,
        clock: systemClock,
        logger,
        connectionName: 'orderflow-test',
        confirmTimeoutMs,
        setupTimeoutMs: 2000,
        closeTimeoutMs: 1000,
        backoff: { baseMs: 10, capMs: 100 },
        ...channels,
      });
      await broker.whenReady(AbortSignal.timeout(10_000));
      return broker;
    };
    const brokers = [await connectTo(url)];
    return {
      broker: brokers[0]!,
      log: logger.entries,
      connectAnother: async () => {
        const other = await connectTo(rabbitmqUrl());
        brokers.push(other);
        return other;
      },
      goAway: async () => {
        proxy.refuse(true);
        proxy.resetAll();
        proxy.thaw();
      },
      comeBack: async () => {
        proxy.refuse(false);
        proxy.thaw();
      },
      block: async () => proxy.inject(connectionBlocked),
      unblock: async () => proxy.inject(connectionUnblocked),
      loseConfirms: async () => proxy.freeze('to-client'),
      deleteQueue: async (name) => {
        await admin.channel.deleteQueue(name);
      },
      dispose: async () => {
        proxy.thaw();
        await Promise.all(brokers.map((broker) => broker.close()));
        await admin.remove(topology);
        await admin.close();
        await proxy.stop();
      },
    };
  };

describeWithService('rabbitmq', 'against a real RabbitMQ', () => {
  const missing = { 'confirms when the message is consumed': 'RabbitMQ confirms what is in its queues' };
  brokerContract('AMQP', { missing }, maker({}));
  brokerContract(
    'AMQP with a pool of channels',
    { missing },
    maker({ publishChannels: 3, publishStrategy: 'least-pending' }),
  );
});
