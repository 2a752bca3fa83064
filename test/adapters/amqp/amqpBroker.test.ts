import { type AddressInfo, createServer } from 'node:net';
import { crc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import { connectAmqpBroker } from '../../../src/adapters/amqp/connectAmqpBroker.ts';
import { systemClock } from '../../../src/adapters/system/SystemClock.ts';
import { type Broker, BrokerFailure } from '../../../src/ports/broker.ts';
import { ack, collect, kinds, publication } from '../../contracts/brokerHarness.ts';
import {
  connectionBlocked,
  connectionForcedClose,
  connectionOpenOk,
  connectionStart,
  connectionTune,
  connectionUnblocked,
} from '../../support/amqpFrames.ts';
import { topologyWith } from '../../support/brokerTopology.ts';
import { eventually } from '../../support/eventually.ts';
import { recordingLogger } from '../../support/recordingLogger.ts';
import { describeWithService } from '../../support/services.ts';
import { forceClose, hasRabbitmqctl, never, withAmqp } from './amqpRig.ts';

const rabbitmqctl = await hasRabbitmqctl();

const publishesAgain = (broker: Broker): Promise<void> =>
  eventually(async () => {
    await broker.whenReady(AbortSignal.timeout(1000));
    expect((await broker.publish(publication())).kind).toBe('confirmed');
  });

const elapsed = async (work: Promise<unknown>): Promise<number> => {
  const started = performance.now();
  await work;
  return performance.now() - started;
};

it('a broker URL that is none is refused, without telling what was in it', () => {
  const options = { topology: topologyWith('', []), clock: systemClock, logger: recordingLogger() };
  for (const urls of [
    '',
    'not a url hunter2',
    'http://user:hunter2@host',
    'amqp://a,amqp://user:hunter2@:x',
  ]) {
    let failure: unknown;
    try {
      connectAmqpBroker({ ...options, urls });
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(BrokerFailure);
    expect(JSON.stringify([String(failure), (failure as Error).stack, failure])).not.toContain('hunter2');
  }
});

it('a connection that the server closes in the breath that opens it is tried again', async () => {
  let connections = 0;
  // Start, then tune, then open and the end of it in one packet, before the library tells of the connection.
  const answers = [connectionStart, connectionTune, Buffer.concat([connectionOpenOk, connectionForcedClose])];
  const server = createServer((socket) => {
    connections += 1;
    let answered = 0;
    socket.on('error', () => undefined);
    socket.on('data', () => {
      const answer = answers[answered++];
      if (answer !== undefined) socket.write(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const broker = connectAmqpBroker({
    urls: `amqp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    topology: topologyWith('', []),
    clock: systemClock,
    logger: recordingLogger(),
    backoff: { baseMs: 1, capMs: 10 },
    closeTimeoutMs: 200,
  });
  try {
    await eventually(() => expect(connections).toBeGreaterThan(6));
    expect(broker.state).toBe('connecting');
  } finally {
    await broker.close();
    await new Promise((resolve) => server.close(resolve));
  }
});

describeWithService('rabbitmq', 'the AMQP adapter', () => {
  it('a broker that is away at the start is no failure: it is said once, and connected to when it comes', () =>
    withAmqp(
      { away: true, before: async ({ proxy }) => proxy.refuse(true) },
      async ({ broker, proxy, log, logged }) => {
        const attempts = () => log.filter(({ message }) => message.includes('cannot be reached')).length;
        await eventually(() => expect(attempts()).toBeGreaterThan(8));
        expect(broker.state).toBe('connecting');
        // One for each of the two connections.
        expect(logged('warn')).toHaveLength(2);
        proxy.refuse(false);
        await broker.whenReady(never);
        await publishesAgain(broker);
        expect(logged('warn')).toHaveLength(2);
      },
    ));

  it('of several hosts the one that answers is used', () =>
    withAmqp({ urls: (url) => `amqp://127.0.0.1:1,${url},amqp://127.0.0.1:2` }, async ({ broker }) =>
      publishesAgain(broker),
    ));

  it('credentials are never told, not even when they are wrong', () =>
    withAmqp(
      { away: true, urls: (url) => url.replace(/\/\/.*@/, '//nobody:hunter2%C3%A9%2F%zz@') },
      async ({ broker, log, logged }) => {
        await eventually(() => expect(logged('error')).toHaveLength(2), { timeoutMs: 15_000 });
        expect(logged('error')[0]).toContain('check user, password, virtual host');
        expect(broker.state).toBe('connecting');
        expect(JSON.stringify(log)).toContain('ACCESS_REFUSED');
        const told = JSON.stringify(
          log.map(({ fields, message }) => [message, fields, String((fields as { err?: unknown }).err)]),
        );
        expect(told).not.toMatch(/hunter2|aHVudGVyMg/);
      },
    ));

  it.skipIf(!rabbitmqctl)(
    `a close that the server forces is survived${rabbitmqctl ? '' : ' (skipped: rabbitmqctl cannot be used here)'}`,
    () =>
      withAmqp({}, async ({ broker, queue, connectionName, logged }) => {
        const collector = await collect(broker, queue, { settle: ack });
        await publishesAgain(broker);
        expect(
          await eventually(async () => {
            const closed = await forceClose(connectionName);
            expect(closed).toBe(2);
            return closed;
          }),
        ).toBe(2);
        await publishesAgain(broker);
        await collector.has(2);
        expect(logged('warn').filter((message) => message.includes('was lost'))).toHaveLength(2);
        expect(logged('error')).toEqual([]);
      }),
    60_000,
  );

  it('a silent broker costs one confirm timeout, and is found again when it speaks', () =>
    withAmqp({}, async ({ broker, proxy, queue }) => {
      const collector = await collect(broker, queue, { settle: ack });
      proxy.freeze('to-client', 'to-server');
      const outcomes = [broker.publish(publication()), broker.publish(publication())];
      const took = await elapsed(Promise.all(outcomes));
      expect(await kinds(outcomes)).toEqual(['lost', 'lost']);
      expect(took).toBeLessThan(1500);
      expect(broker.state).toBe('connecting');
      // No new channel either, so the connection is given up, and no new one succeeds.
      await eventually(() => expect(proxy.connections).toBeGreaterThan(2));
      expect(broker.state).toBe('connecting');
      proxy.thaw();
      await publishesAgain(broker);
      await collector.has(1);
    }));

  it('a half-open link is found out: by the confirm timeout when publishing, by heartbeats when consuming', () =>
    withAmqp({ options: { heartbeatSeconds: 1 } }, async ({ broker, proxy, queue, admin, topology }) => {
      const collector = await collect(broker, queue, { settle: ack });
      proxy.leaveHalfOpen();
      expect((await broker.publish(publication())).kind).toBe('lost');
      await publishesAgain(broker);
      await collector.has(1);
      admin.channel.publish(topology.exchangeNames.events, 'order.placed', Buffer.from('{}'));
      await collector.has(2);
    }));

  it('latency slows one message, and not a thousand more than one', () =>
    withAmqp({ options: { confirmTimeoutMs: 5000 } }, async ({ broker, proxy }) => {
      proxy.delay(50);
      const single = await elapsed(broker.publish(publication()));
      expect(single).toBeGreaterThan(95);
      const many = Array.from({ length: 1000 }, () => broker.publish(publication()));
      expect(await elapsed(Promise.all(many))).toBeLessThan(50 * single);
      expect(new Set(await kinds(many))).toEqual(new Set(['confirmed']));
    }));

  it('a queue that exists in another shape is named, with advice, once; and the broker is tried until it fits', () =>
    withAmqp(
      {
        away: true,
        before: async ({ admin, queue }) => {
          await admin.channel.assertQueue(queue, { durable: true, maxLength: 5 });
        },
      },
      async ({ broker, admin, queue, log, logged }) => {
        const refusals = () => log.filter(({ message }) => message.includes('cannot be used as it is'));
        await eventually(() => expect(refusals().length).toBeGreaterThan(5));
        expect(broker.state).toBe('connecting');
        const errors = log.filter(({ level }) => level === 'error');
        expect(errors).toHaveLength(2);
        expect(errors[0]!.fields).toMatchObject({
          reason: expect.stringMatching(
            new RegExp(
              `the broker refuses the queue "${queue}".*PRECONDITION_FAILED.*x-max-length.*delete it`,
            ),
          ),
        });
        await admin.channel.deleteQueue(queue);
        await broker.whenReady(never);
        await publishesAgain(broker);
        expect(logged('error')).toHaveLength(2);
      },
    ));

  it('an exchange that was deleted costs the messages in flight, and is declared again', () =>
    withAmqp({}, async ({ broker, admin, topology, queue }) => {
      // Both connections have declared what they need.
      await collect(broker, queue);
      await admin.channel.deleteExchange(topology.exchangeNames.events);
      const outcome = await broker.publish(publication());
      expect(outcome).toEqual({ kind: 'lost', reason: expect.stringContaining('NOT_FOUND') });
      await publishesAgain(broker);
    }));

  it('a channel that dies is replaced alone: what is in flight on its neighbours is confirmed', () =>
    // A slow disk must not look like a death: confirms have time here.
    withAmqp({ options: { publishChannels: 3, confirmTimeoutMs: 10_000 } }, async (rig) => {
      const { broker, admin, topology, proxy, log, logged } = rig;
      await admin.channel.deleteExchange(topology.exchangeNames.audit);
      const streams = Array.from({ length: 30 }, (_, index) => `stream ${index}`);
      const publishAll = () => streams.map((orderingKey) => broker.publish(publication({ orderingKey })));
      const before = publishAll();
      const deadly = broker.publish(publication({ exchange: 'audit', orderingKey: streams[0]! }));
      const after = publishAll();
      expect(await deadly).toEqual({ kind: 'lost', reason: expect.stringContaining('NOT_FOUND') });
      expect(broker.state).toBe('connected');
      const lost = (await kinds(after)).map((kind, index) => (kind === 'lost' ? streams[index] : null));
      expect(lost).toContain(streams[0]);
      const channelOf = (stream: string): number => crc32(stream) % 3;
      for (const stream of lost) {
        if (stream) expect(channelOf(stream)).toBe(channelOf(streams[0]!));
      }
      const elsewhere = streams.filter((stream) => channelOf(stream) !== channelOf(streams[0]!));
      expect(elsewhere.length).toBeGreaterThan(5);
      const kindsBefore = await kinds(before);
      for (const stream of elsewhere) {
        expect(kindsBefore[streams.indexOf(stream)]).toBe('confirmed');
        expect(lost).not.toContain(stream);
      }
      // At once on the channels that are left, and later on all three.
      expect(new Set(await kinds(publishAll()))).toEqual(new Set(['confirmed']));
      await eventually(() =>
        admin.connection.createChannel().then(async (channel) => {
          channel.on('error', () => undefined);
          await channel.checkExchange(topology.exchangeNames.audit);
          await channel.close();
        }),
      );
      expect(new Set(await kinds(publishAll()))).toEqual(new Set(['confirmed']));
      expect(log.filter(({ message }) => message.includes('a confirm channel is replaced'))).toHaveLength(1);
      expect(logged('warn').filter((message) => message.includes('connection was lost'))).toEqual([]);
      expect(proxy.connections).toBe(2);
    }));

  it('what is in flight when the broker blocks is lost in time, and the next channel serves after it', () =>
    withAmqp({}, async ({ broker, proxy }) => {
      proxy.freeze('to-server');
      const outcome = broker.publish(publication());
      proxy.inject(connectionBlocked);
      await eventually(() => expect(broker.state).toBe('blocked'));
      expect((await outcome).kind).toBe('lost');
      expect(broker.state).toBe('blocked');
      proxy.thaw();
      proxy.inject(connectionUnblocked);
      await publishesAgain(broker);
      expect(proxy.connections).toBe(2);
    }));

  it('a subscription is cancelled in time although the broker is silent, and refuses what comes later', () =>
    withAmqp({}, async ({ broker, proxy, queue, admin, topology }) => {
      const collector = await collect(broker, queue, { prefetch: 1, settle: ack });
      proxy.freeze('to-client');
      admin.channel.publish(topology.exchangeNames.events, 'order.placed', Buffer.from('{}'));
      // It waits nowhere, so it is on its way to the consumer.
      expect((await admin.channel.checkQueue(queue)).messageCount).toBe(0);
      expect(await elapsed(collector.subscription.cancel())).toBeLessThan(1500);
      proxy.thaw();
      const next = await collect(broker, queue, { settle: ack });
      await next.has(1);
      expect(next.deliveries[0]!.redelivered).toBe(true);
      expect(collector.deliveries).toHaveLength(0);
    }));

  it('closing ends in time although the broker is silent', () =>
    withAmqp({}, async ({ broker, proxy, queue }) => {
      await collect(broker, queue);
      proxy.freeze('to-client', 'to-server');
      const outcome = broker.publish(publication());
      expect(await elapsed(broker.close())).toBeLessThan(1500);
      expect((await outcome).kind).toBe('lost');
      proxy.thaw();
      await eventually(() => expect(proxy.connections).toBe(0));
    }));

  it('closing ends in time although the socket dies during it', () =>
    withAmqp({}, async ({ broker, proxy, queue }) => {
      await collect(broker, queue);
      proxy.freeze('to-client', 'to-server');
      const closing = elapsed(broker.close());
      proxy.resetAll();
      expect(await closing).toBeLessThan(1500);
    }));

  it('a message goes out with the properties of the contract', () =>
    withAmqp({}, async ({ broker, admin, queue }) => {
      const message = publication({ headers: { traceparent: '00-1', tenant: 'acme', type: 't' } });
      await broker.publish(message);
      const received = await admin.channel.get(queue, { noAck: true });
      expect(received).toMatchObject({
        properties: {
          messageId: message.id,
          deliveryMode: 2,
          type: message.type,
          timestamp: message.timestamp / 1000,
          contentType: 'application/cloudevents+json',
          appId: 'orderflow',
          headers: message.headers,
        },
      });
    }));

  it('headers that AMQP cannot carry make a message unpublishable, and nothing else', () =>
    withAmqp({}, async ({ broker }) => {
      const outcomes = [
        broker.publish(publication({ headers: { huge: 'x'.repeat(70_000) } })),
        broker.publish(publication({ headers: { ['n'.repeat(300)]: 1 } })),
        broker.publish(publication({ headers: { not: Number.NaN } })),
        broker.publish(publication()),
      ];
      expect(await kinds(outcomes)).toEqual(['unpublishable', 'unpublishable', 'unpublishable', 'confirmed']);
    }));

  it('a message of somebody else is delivered with what it has', () =>
    withAmqp({}, async ({ broker, admin, queue }) => {
      const collector = await collect(broker, queue, { settle: ack });
      const headers = {
        at: { '!': 'timestamp', value: 1_790_000_000 },
        price: { '!': 'decimal', value: { places: 2, digits: 1999 } },
        bytes: Buffer.from('text'),
        nested: { list: [{ '!': 'timestamp', value: 7 }] },
      };
      admin.channel.sendToQueue(queue, Buffer.from([0x7b, 0xff]), { headers });
      admin.channel.sendToQueue(queue, Buffer.alloc(0));
      const [odd, empty] = await collector.has(2);
      expect(odd).toMatchObject({ id: '', type: '', contentType: '', timestamp: 0, payload: '{\ufffd' });
      expect(odd!.headers).toEqual({ at: 1_790_000_000, price: 19.99, bytes: 'text', nested: { list: [7] } });
      expect(empty).toMatchObject({ payload: '', headers: {}, exchange: '', routingKey: queue });
    }));
});
