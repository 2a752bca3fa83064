import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  ManagementUnavailable,
  managementAccess,
  readManagedTopology,
} from '../../../src/adapters/amqp/readManagedTopology.ts';
import { topologyWith } from '../../support/brokerTopology.ts';
import { managedBroker, startManagementServer } from './managementServer.ts';

/** A server that does this with every request. */
const withAnswer = async (
  answer: Parameters<typeof createServer>[1],
  test: (url: string) => Promise<void>,
): Promise<void> => {
  const server = createServer({}, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await test(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
};

const access = (url: string) => ({ url, vhost: '/', user: 'guest', password: 'guest' });

describe('where the management API is', () => {
  it('by default on the host of the broker, at its port, with the credentials and vhost of the URL', () => {
    expect(managementAccess('amqp://an%40na:s%2Fcret@rabbit:5673/the%2Fshop?heartbeat=5')).toEqual({
      url: 'http://rabbit:15672',
      vhost: 'the/shop',
      user: 'an@na',
      password: 's/cret',
    });
    expect(managementAccess('amqp://[::1]')).toEqual({
      url: 'http://[::1]:15672',
      vhost: '/',
      user: 'guest',
      password: 'guest',
    });
  });

  it('with TLS where AMQP has it, so that the password does not travel in the clear', () => {
    expect(managementAccess('amqps://anna:secret@rabbit').url).toBe('https://rabbit:15671');
  });

  it('or where the person says, with the user named there', () => {
    const url = (text: string) => managementAccess('amqp://anna:secret@rabbit', new URL(text));
    expect(url('https://admin:pw@desk.example/rabbit/')).toEqual({
      url: 'https://desk.example/rabbit',
      vhost: '/',
      user: 'admin',
      password: 'pw',
    });
    expect(url('http://desk:8080')).toMatchObject({ user: 'anna', password: 'secret' });
  });

  it('credentials that are no proper escapes are taken as amqplib takes them', () => {
    expect(managementAccess('amqp://anna:100%@rabbit').password).toBe('100%');
  });
});

describe('the management API', () => {
  const topology = topologyWith('', [
    { name: 'q', arguments: { 'x-queue-type': 'quorum' }, bindings: [['events', 'order.#']] },
  ]);

  it('tells exchanges, queues and bindings of one virtual host', async () => {
    const api = await startManagementServer(managedBroker(topology, 'a/b'), { vhost: 'a/b' });
    try {
      const observed = await readManagedTopology({ ...access(api.url), vhost: 'a/b' });
      expect(observed.exchanges).toContainEqual({
        name: 'events',
        type: 'topic',
        durable: true,
        autoDelete: false,
        internal: false,
        arguments: {},
      });
      expect(observed.queues).toContainEqual({
        name: 'q',
        durable: true,
        autoDelete: false,
        exclusive: false,
        arguments: { 'x-queue-type': 'quorum' },
      });
      expect(observed.bindings).toContainEqual({
        source: 'events',
        destination: 'q',
        destinationType: 'queue',
        routingKey: 'order.#',
        arguments: {},
      });
      expect(api.requests.toSorted()[0]).toMatch(/^\/api\/bindings\/a%2Fb Basic /);
    } finally {
      await api.stop();
    }
  });

  it('that refuses the user, or the virtual host, cannot be used', async () => {
    const api = await startManagementServer(managedBroker(topology));
    try {
      await expect(readManagedTopology({ ...access(api.url), password: 'wrong' })).rejects.toThrow(
        new ManagementUnavailable(
          'it answers 401: the password is wrong, or the user lacks the tag "management"',
        ),
      );
      await expect(readManagedTopology({ ...access(api.url), vhost: 'other' })).rejects.toThrow(
        new ManagementUnavailable('it answers 404'),
      );
    } finally {
      await api.stop();
    }
  });

  it('is not what answers something else', async () => {
    for (const body of ['<html>', '{}', '[1]', '[{"name":7}]']) {
      await withAnswer(
        (_, response) => response.end(body),
        async (url) => {
          await expect(readManagedTopology(access(url))).rejects.toThrow(
            new ManagementUnavailable("it does not answer like RabbitMQ's management API"),
          );
        },
      );
    }
  });

  it('that sends elsewhere is not followed there', async () => {
    await withAnswer(
      (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      (url) => expect(readManagedTopology(access(url))).rejects.toThrow(ManagementUnavailable),
    );
  });

  it('that never answers is given up in time', async () => {
    await withAnswer(
      () => undefined,
      (url) =>
        expect(readManagedTopology(access(url), 50)).rejects.toThrow(
          new ManagementUnavailable('no answer within 50 ms'),
        ),
    );
  });
});
