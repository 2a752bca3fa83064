import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectAmqpBroker } from '../../src/adapters/amqp/connectAmqpBroker.ts';
import { InMemoryBroker } from '../../src/adapters/memory/InMemoryBroker.ts';
import { openMemoryStores } from '../../src/adapters/memory/openMemoryStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { uuidV7Ids } from '../../src/adapters/system/UuidV7Ids.ts';
import { DeadLetterCollector } from '../../src/app/messaging/desk/DeadLetterCollector.ts';
import { orderflowTopology, workQueueOf } from '../../src/app/messaging/topology.ts';
import type { Broker, Publication, Topology } from '../../src/ports/broker.ts';
import type { FoundDeadLetter } from '../../src/ports/deadLetters.ts';
import type { Stores } from '../../src/ports/stores.ts';
import { StoreUnavailable } from '../../src/ports/unitOfWork.ts';
import { publicationOf } from '../support/consumerRig.ts';
import { eventually } from '../support/eventually.ts';
import { rabbitmqAdmin } from '../support/rabbitmq.ts';
import { recordingLogger } from '../support/recordingLogger.ts';
import { describeWithService, rabbitmqUrl, uniquePrefix } from '../support/services.ts';

/** The service's own topology, and a queue for each way in which the broker itself sets messages aside. */
const withDeaths = (prefix: string): Topology => {
  const topology = orderflowTopology(prefix);
  const dead = topology.exchangeNames.dead;
  const work = workQueueOf(prefix, 'orders');
  const limited = (name: string, more: Readonly<Record<string, string | number>>) => ({
    name: `${prefix}${name}`,
    arguments: { 'x-dead-letter-exchange': dead, 'x-dead-letter-routing-key': `${work}.dead`, ...more },
  });
  const queues = [
    limited('expiring', { 'x-message-ttl': 1 }),
    limited('short', { 'x-max-length': 1, 'x-overflow': 'drop-head' }),
    limited('limited', { 'x-queue-type': 'quorum', 'x-delivery-limit': 1 }),
  ];
  const bindings = queues.map(({ name }) => ({
    source: topology.exchangeNames.tasks,
    destination: name,
    destinationType: 'queue' as const,
    routingKey: name,
    arguments: {},
  }));
  return {
    ...topology,
    queues: [...topology.queues, ...queues],
    bindings: [...topology.bindings, ...bindings],
  };
};

const suite = (
  openBroker: (topology: Topology) => Broker,
  cleanUp: (topology: Topology) => Promise<void>,
) => {
  let prefix: string;
  let topology: Topology;
  let broker: Broker;
  let stores: Stores;
  let collector: DeadLetterCollector;
  let outages: number;
  let refuses: (letter: FoundDeadLetter) => boolean;
  /** How many letters are not even given an id: it stands for any failure while one is looked at. */
  let unlucky: number;
  let logger: ReturnType<typeof recordingLogger>;
  beforeEach(async () => {
    prefix = uniquePrefix();
    topology = withDeaths(prefix);
    broker = openBroker(topology);
    outages = 0;
    refuses = () => false;
    unlucky = 0;
    logger = recordingLogger();
    stores = openMemoryStores({
      pause: async (label) => {
        if (label !== 'deadLetters.keep' || outages === 0) return;
        outages -= 1;
        throw new StoreUnavailable('away');
      },
    });
    collector = new DeadLetterCollector({
      queue: workQueueOf(prefix, 'orders'),
      subscriber: broker,
      desk: {
        keep: async (found) => {
          if (found.some(refuses)) throw new Error('value too long for type character varying(255)');
          await stores.deadLetters.keep(found);
        },
      },
      clock: systemClock,
      ids: {
        next: () => {
          unlucky -= 1;
          if (unlucky >= 0) throw new Error('unlucky');
          return uuidV7Ids.next();
        },
      },
      logger,
      refusedMs: 20,
    });
    await collector.start();
  });
  afterEach(async () => {
    await collector.stop();
    await broker.close();
    await cleanUp(topology);
  });

  /** Consuming has a connection of its own: that it is there does not say that the one for publishing is. */
  const confirmed = (publication: Publication) =>
    eventually(async () => expect(await broker.publish(publication)).toEqual({ kind: 'confirmed' }));
  const publish = (queue: string, sequence: number) =>
    confirmed({ ...publicationOf('/a', sequence), exchange: 'tasks', routingKey: queue, mandatory: true });
  const letters = (count: number) =>
    eventually(async () => {
      const found = await stores.deadLetters.list({ tenant: 'default', limit: 100 });
      expect(found).toHaveLength(count);
      return found;
    });

  it('keeps what consumers set aside, with their reasons, also when the database is away at first', async () => {
    outages = 2;
    await confirmed({
      ...publicationOf('/a', 3, {
        'x-orderflow-reason': 'exhausted',
        'x-orderflow-error': 'no luck',
        'x-orderflow-attempts': '6',
        'x-orderflow-first-seen': '2026-11-23T05:00:00.000Z',
      }),
      exchange: 'dead',
      routingKey: `${workQueueOf(prefix, 'orders')}.dead`,
    });
    const [letter] = await letters(1);
    expect(letter).toMatchObject({
      queue: workQueueOf(prefix, 'orders'),
      messageId: '/a#3',
      reason: 'exhausted',
      error: 'no luck',
      attempts: 6,
      source: '/a',
      sequence: 3,
      firstSeen: Date.parse('2026-11-23T05:00:00.000Z'),
    });
  });

  it('keeps the others when the database refuses one, and that one when it no longer does', async () => {
    refuses = ({ messageId }) => messageId === '/a#2';
    const dead = { exchange: 'dead' as const, routingKey: `${workQueueOf(prefix, 'orders')}.dead` };
    await Promise.all([1, 2, 3].map((sequence) => confirmed({ ...publicationOf('/a', sequence), ...dead })));
    expect((await letters(2)).map(({ messageId }) => messageId).sort()).toEqual(['/a#1', '/a#3']);
    refuses = () => false;
    await letters(3);
  });

  it('keeps the others when one cannot even be looked at, and that one when it can', async () => {
    unlucky = 1;
    const dead = { exchange: 'dead' as const, routingKey: `${workQueueOf(prefix, 'orders')}.dead` };
    await Promise.all([1, 2, 3].map((sequence) => confirmed({ ...publicationOf('/a', sequence), ...dead })));
    await letters(3);
    expect(logger.entries).toMatchObject([
      { level: 'error', message: 'a dead letter cannot be read; it stays in its queue' },
    ]);
  });

  it('keeps what cannot be read, each as one of its own', async () => {
    const junk = { ...publicationOf('/a', 1), payload: '{"no":', exchange: 'dead' as const };
    await confirmed({ ...junk, id: 'junk', routingKey: `${workQueueOf(prefix, 'orders')}.dead` });
    expect(await letters(1)).toMatchObject([{ messageId: 'junk', source: '', sequence: null }]);
  });

  it('tells what the broker itself set aside by its cause', async () => {
    await publish(`${prefix}expiring`, 1);
    expect(await letters(1)).toMatchObject([{ reason: 'expired', messageId: '/a#1' }]);
    await publish(`${prefix}short`, 2);
    await publish(`${prefix}short`, 3);
    expect(await letters(2)).toMatchObject([{ reason: 'maxlen', messageId: '/a#2' }, {}]);
    await publish(`${prefix}limited`, 4);
    const stubborn = await broker.subscribe(`${prefix}limited`, { prefetch: 1 }, (one) => one.nack(true));
    expect(await letters(3)).toMatchObject([{ reason: 'delivery_limit', messageId: '/a#4' }, {}, {}]);
    await stubborn.cancel();
    await publish(workQueueOf(prefix, 'orders'), 5);
    const refusing = await broker.subscribe(workQueueOf(prefix, 'orders'), { prefetch: 1 }, (one) =>
      one.nack(false),
    );
    expect(await letters(4)).toMatchObject([{ reason: 'rejected', messageId: '/a#5' }, {}, {}, {}]);
    await refusing.cancel();
  });
};

describe('the dead-letter collector, on the in-memory broker', () => {
  suite(
    (topology) =>
      new InMemoryBroker({ topology, clock: systemClock, logger: silentLogger, confirm: 'on-enqueue' }),
    async () => undefined,
  );
});

describeWithService('rabbitmq', 'the dead-letter collector, on RabbitMQ', () => {
  suite(
    (topology) =>
      connectAmqpBroker({
        urls: rabbitmqUrl(),
        topology,
        clock: systemClock,
        logger: silentLogger,
        confirmTimeoutMs: 5_000,
      }),
    async (topology) => {
      const admin = await rabbitmqAdmin();
      await admin.remove(topology);
      await admin.close();
    },
  );
});
