import type { Duplex } from 'node:stream';
import { type ChannelModel, connect, credentials } from 'amqplib';
import type { Clock } from '../../ports/clock.ts';
import type { BrokerAddress } from './brokerAddresses.ts';
import { within } from './deadline.ts';
import { readTlsFiles, type TlsFiles } from './tlsFiles.ts';

export interface OpeningOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Shown by the broker, so that an operator can tell who is who. */
  readonly name: string;
  readonly heartbeatSeconds?: number;
  /** For `amqps:` addresses. */
  readonly tls: TlsFiles;
  /** Of the connection, at any time. Its end is told by the event `close`. */
  readonly onError: (error: unknown) => void;
}

/** Opens a connection within `timeoutMs`; one that comes later is ended. */
export const openConnection = async (
  address: BrokerAddress,
  options: OpeningOptions,
): Promise<ChannelModel> => {
  const { clock, timeoutMs, name, heartbeatSeconds, tls, onError } = options;
  const url = new URL(address.url);
  if (heartbeatSeconds !== undefined && !url.searchParams.has('heartbeat')) {
    url.searchParams.set('heartbeat', String(heartbeatSeconds));
  }
  const material = url.protocol === 'amqps:' ? await readTlsFiles(tls) : {};
  const connecting = connect(url.href, {
    ...material,
    // Given here and not in the URL, which the library decodes without regard to UTF-8 (2.3.1, lib/connect.js).
    credentials: credentials.plain(address.user, address.password),
    noDelay: true,
    keepAlive: true,
    timeout: timeoutMs,
    clientProperties: { connection_name: name },
  }).then((connection) => {
    // Without a listener, the first error would be thrown into the event loop.
    connection.on('error', onError);
    gatherWrites(streamOf(connection));
    return connection;
  });
  try {
    // The library's timeout is for silence; a server that dribbles is caught by ours.
    return await within(clock, timeoutMs, connecting, `no answer within ${timeoutMs} ms`);
  } catch (error) {
    connecting.then(dropConnection, () => undefined);
    throw error;
  }
};

/** The socket: the library has no other way to end a connection at once (amqplib 2.3.1, lib/connection.js). */
export const streamOf = (connection: ChannelModel): Duplex =>
  (connection.connection as unknown as { readonly stream: Duplex }).stream;

/**
 * Lets what is written in one turn of the event loop leave with one system call: the library writes frame by frame
 * (2.3.1, lib/mux.js), and each call also wakes the broker.
 */
const gatherWrites = (stream: Duplex): void => {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  let gathering = false;
  stream.write = (...args: unknown[]): boolean => {
    if (!gathering) {
      gathering = true;
      stream.cork();
      process.nextTick(() => {
        gathering = false;
        stream.uncork();
      });
    }
    return write(...args);
  };
};

/** Ends a connection without ceremony. */
export const dropConnection = (connection: ChannelModel): void => {
  // The error makes the library clean up: channels, heartbeat timers, the event `close`.
  streamOf(connection).destroy(new Error('connection dropped'));
};
