import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Whom the service tells what its customers should hear. */
export interface NotificationReceiver {
  readonly url: string;
  /** The keys of what came about each order, repetitions left out. */
  readonly keysOf: ReadonlyMap<string, ReadonlySet<string>>;
  /** How much came again with its key, after a death between sending and noting that it was sent. */
  repeated(): number;
  close(): Promise<void>;
}

export const receiveNotifications = async (): Promise<NotificationReceiver> => {
  const keysOf = new Map<string, Set<string>>();
  let repeated = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { data } = JSON.parse(Buffer.concat(chunks).toString()) as { data: { orderId: string } };
      const key = String(request.headers['webhook-id']);
      const keys = keysOf.get(data.orderId) ?? new Set();
      if (keys.has(key)) repeated += 1;
      keysOf.set(data.orderId, keys.add(key));
      response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    keysOf,
    repeated: () => repeated,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
