import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Topology } from '../../../src/ports/broker.ts';

type Item = Readonly<Record<string, unknown>>;

export interface ManagedBroker {
  readonly exchanges: Item[];
  readonly queues: Item[];
  readonly bindings: Item[];
}

/** What RabbitMQ's management API says of a broker that has all of this, and what every broker has besides. */
export const managedBroker = ({ exchanges, queues, bindings }: Topology, vhost = '/'): ManagedBroker => {
  const kept = { vhost, durable: true, auto_delete: false };
  const exchange = { ...kept, internal: false, arguments: {} };
  const queue = { ...kept, exclusive: false, messages: 0, node: 'rabbit@test', state: 'running' };
  return {
    exchanges: [
      { ...exchange, name: '', type: 'direct' },
      { ...exchange, name: 'amq.topic', type: 'topic' },
      ...exchanges.map(({ name, type }) => ({ ...exchange, name, type })),
    ],
    queues: [
      { ...queue, name: 'of-somebody-else', durable: false, arguments: {} },
      ...queues.map(({ name, arguments: args }) => ({ ...queue, name, arguments: args })),
    ],
    bindings: [
      ...queues.map(({ name }) => ({
        ...{ source: '', vhost, destination: name, destination_type: 'queue' },
        ...{ routing_key: name, arguments: {}, properties_key: name },
      })),
      ...bindings.map(({ source, destination, destinationType, routingKey, arguments: args }) => ({
        ...{ source, vhost, destination, destination_type: destinationType },
        ...{ routing_key: routingKey, arguments: args, properties_key: routingKey },
      })),
    ],
  };
};

export interface ManagementServer {
  readonly url: string;
  /** `<path> <authorization>` of each request. */
  readonly requests: readonly string[];
  stop(): Promise<void>;
}

/** Answers as the management API does, to this user only. */
export const startManagementServer = async (
  broker: ManagedBroker,
  { vhost = '/', user = 'guest', password = 'guest' } = {},
): Promise<ManagementServer> => {
  const requests: string[] = [];
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const lists = new Map<string, readonly Item[]>(
    Object.entries(broker).map(([what, items]) => [`/api/${what}/${encodeURIComponent(vhost)}`, items]),
  );
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    requests.push(`${path} ${request.headers.authorization}`);
    const items = lists.get(path);
    const known = request.headers.authorization === authorization;
    response.writeHead(known ? (items ? 200 : 404) : 401, { 'content-type': 'application/json' });
    const refusal = known
      ? { error: 'Object Not Found', reason: 'Not Found' }
      : { error: 'not_authorised', reason: 'Login failed' };
    response.end(JSON.stringify(known && items ? items : refusal));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
