import { createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { applyTopology, findMissing } from '../../../src/adapters/amqp/brokerTopology.ts';
import { TopologyRefused } from '../../../src/adapters/amqp/declareTopology.ts';
import { withBrokerConnection } from '../../../src/adapters/amqp/withBrokerConnection.ts';
import { systemClock } from '../../../src/adapters/system/SystemClock.ts';
import { BrokerFailure } from '../../../src/ports/broker.ts';
import { topologyWith } from '../../support/brokerTopology.ts';
import { eventually } from '../../support/eventually.ts';
import { rabbitmqAdmin, rabbitmqProxy } from '../../support/rabbitmq.ts';
import { describeWithService, rabbitmqUrl, uniquePrefix } from '../../support/services.ts';

const at = (urls: string) => ({ urls, clock: systemClock, connectTimeoutMs: 1000, workTimeoutMs: 5000 });

/** A server that takes connections and says nothing. */
const withSilence = async (test: (url: string) => Promise<void>): Promise<void> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  try {
    if (address === null || typeof address === 'string') throw new Error('the server does not listen');
    await test(`amqp://anna:secret@127.0.0.1:${address.port}`);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
};

it('a broker that is silent is given up in time; the message has no credentials', async () => {
  await withSilence(async (url) => {
    const failure = await findMissing({ ...at(url), connectTimeoutMs: 100 }, topologyWith('', [])).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(BrokerFailure);
    expect(String(failure)).toMatch(/cannot connect to the broker at amqp:\/\/127\.0\.0\.1:\d+: /);
    expect(String(failure)).not.toMatch(/anna|secret/);
  });
});

describeWithService('rabbitmq', 'a topology on the broker', () => {
  const withNames = async (
    test: (given: {
      readonly topology: ReturnType<typeof topologyWith>;
      readonly admin: Awaited<ReturnType<typeof rabbitmqAdmin>>;
    }) => Promise<void>,
  ): Promise<void> => {
    const topology = topologyWith(uniquePrefix(), [
      { name: 'q', bindings: [['events', '#']] },
      { name: 'r' },
    ]);
    const admin = await rabbitmqAdmin();
    try {
      await test({ topology, admin });
    } finally {
      await admin.remove(topology);
      await admin.close();
    }
  };

  it('is looked for by name, without a change, and declared once', async () => {
    await withNames(async ({ topology, admin }) => {
      const names = {
        exchanges: new Set(topology.exchanges.map(({ name }) => name)),
        queues: new Set(topology.queues.map(({ name }) => name)),
      };
      expect((await findMissing(at(rabbitmqUrl()), topology)).missing).toEqual(names);
      expect((await applyTopology(at(rabbitmqUrl()), topology)).missing).toEqual(names);
      const nothing = { exchanges: new Set(), queues: new Set() };
      expect((await findMissing(at(rabbitmqUrl()), topology)).missing).toEqual(nothing);
      await admin.channel.deleteQueue(topology.queues[1]!.name);
      await admin.channel.deleteExchange(topology.exchanges[3]!.name);
      expect((await findMissing(at(rabbitmqUrl()), topology)).missing).toEqual({
        exchanges: new Set([topology.exchanges[3]!.name]),
        queues: new Set([topology.queues[1]!.name]),
      });
    });
  });

  it('a queue that belongs to another connection is there', async () => {
    await withNames(async ({ topology, admin }) => {
      await applyTopology(at(rabbitmqUrl()), { ...topology, queues: [], bindings: [] });
      await admin.channel.assertQueue(topology.queues[0]!.name, { exclusive: true });
      const { missing } = await findMissing(at(rabbitmqUrl()), topology);
      expect([...missing.queues]).toEqual([topology.queues[1]!.name]);
    });
  });

  it('another shape is refused, and the refusal says of what', async () => {
    await withNames(async ({ topology, admin }) => {
      await admin.channel.assertQueue(topology.queues[0]!.name, { durable: false });
      const refusal = await applyTopology(at(rabbitmqUrl()), topology).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(TopologyRefused);
      expect(String(refusal)).toContain(`the broker refuses the queue "${topology.queues[0]!.name}"`);
    });
  });

  it('the first node that answers is taken, and its connection closed', async () => {
    const { proxy, url } = await rabbitmqProxy();
    try {
      const done = await withBrokerConnection(
        at(`amqp://anna:secret@127.0.0.1:1,${url}`),
        async (_, broker) => {
          expect(proxy.connections).toBe(1);
          return broker;
        },
      );
      expect(done).toBe(`amqp://127.0.0.1:${proxy.port}`);
      await eventually(() => expect(proxy.connections).toBe(0));
    } finally {
      await proxy.stop();
    }
  });

  it('a broker that falls silent, or goes away in the middle, is a failure in time', async () => {
    const { proxy, url } = await rabbitmqProxy();
    try {
      const silent = withBrokerConnection({ ...at(url), workTimeoutMs: 100 }, async (connection) => {
        proxy.freeze('to-client');
        await connection.createChannel();
      });
      await expect(silent).rejects.toThrow(
        new BrokerFailure(`amqp://127.0.0.1:${proxy.port}: the broker did not answer within 100 ms`),
      );
      proxy.thaw();
      const cut = withBrokerConnection(at(url), async (connection) => {
        proxy.resetAll();
        await connection.createChannel();
      });
      await expect(cut).rejects.toThrow(BrokerFailure);
    } finally {
      await proxy.stop();
    }
  });
});
