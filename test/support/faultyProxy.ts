import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  halfOpen: boolean;
}

type Direction = 'to-server' | 'to-client';

/**
 * A TCP proxy that misbehaves on demand: latency, silence, resets, half-open links, refused connections, frames in
 * slices, and bytes that the server never sent. Test code only.
 */
export class FaultyProxy {
  private readonly server: Server;
  private readonly links = new Set<Link>();
  private readonly target: { readonly host: string; readonly port: number };
  private latencyMs = 0;
  private sliceBytes = Number.POSITIVE_INFINITY;
  private refusing = false;
  private readonly frozen = new Set<Direction>();
  private thawed = Promise.withResolvers<void>();

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.target = target;
    this.server = createServer((client) => this.accept(client));
  }

  static async start(target: { readonly host: string; readonly port: number }): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return address.port;
  }

  get connections(): number {
    return this.links.size;
  }

  /** Every chunk takes this long, in each direction. */
  delay(ms: number): void {
    this.latencyMs = ms;
  }

  /** Chunks pass in slices of this size, each in a packet of its own, so that no frame arrives in one piece. */
  slice(bytes: number): void {
    this.sliceBytes = bytes;
  }

  /** Nothing passes any more in these directions, and nobody is told; `thaw` lets it all through. */
  freeze(...directions: readonly Direction[]): void {
    for (const direction of directions) this.frozen.add(direction);
  }

  thaw(): void {
    this.frozen.clear();
    this.thawed.resolve();
    this.thawed = Promise.withResolvers();
  }

  /** Both ends get a reset. */
  resetAll(): void {
    for (const { client, server } of this.links) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** The server is gone, and the clients do not hear of it. */
  leaveHalfOpen(): void {
    for (const link of this.links) {
      link.halfOpen = true;
      link.server.destroy();
    }
  }

  /** No fault is left; links that broke stay broken. */
  heal(): void {
    this.delay(0);
    this.slice(Number.POSITIVE_INFINITY);
    this.refuse(false);
    this.thaw();
  }

  /** Whether new connections are reset at once. */
  refuse(refusing: boolean): void {
    this.refusing = refusing;
  }

  /** Sends bytes to every client as if the server had. Only at a frame boundary, so when nothing else is sent. */
  inject(bytes: Buffer): void {
    for (const { client } of this.links) client.write(bytes);
  }

  async stop(): Promise<void> {
    this.thaw();
    for (const { client, server } of this.links) {
      client.destroy();
      server.destroy();
    }
    await new Promise((resolve) => this.server.close(resolve));
  }

  private accept(client: Socket): void {
    client.on('error', () => undefined);
    if (this.refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = dial({ ...this.target, noDelay: true });
    server.on('error', () => undefined);
    client.setNoDelay(true);
    const link: Link = { client, server, halfOpen: false };
    this.links.add(link);
    void this.forward(client, server, 'to-server', link);
    void this.forward(server, client, 'to-client', link);
    client.on('close', () => this.links.delete(link));
  }

  /** Chunk by chunk, so that order survives latency; what is not read stays with the sender's TCP. */
  private async forward(from: Socket, to: Socket, direction: Direction, link: Link): Promise<void> {
    try {
      for await (const chunk of from) {
        if (this.latencyMs > 0) await sleep(this.latencyMs);
        while (this.frozen.has(direction)) await this.thawed.promise;
        for (const slice of slicesOf(chunk as Buffer, this.sliceBytes)) {
          if (link.halfOpen) break;
          to.write(slice);
          if (slice.length < chunk.length) await turn();
        }
      }
    } catch {
      // A reset is a way for a stream to end.
    }
    if (link.halfOpen) {
      if (direction === 'to-server') from.destroy();
      return;
    }
    to.destroy();
    from.destroy();
  }
}

const slicesOf = (chunk: Buffer, bytes: number): readonly Buffer[] => {
  if (chunk.length <= bytes) return [chunk];
  const slices: Buffer[] = [];
  for (let at = 0; at < chunk.length; at += bytes) slices.push(chunk.subarray(at, at + bytes));
  return slices;
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
