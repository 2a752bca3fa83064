import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export type Lie =
  | 'none'
  | 'forgets keys'
  | 'loses an event'
  | 'tells the second event first'
  | 'repeats an event'
  | 'refuses nothing';

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const answerOf = (status: number, value: object): Answer => ({
  status,
  type: status < 400 ? 'application/json' : 'application/problem+json',
  body: JSON.stringify(value),
});

/** An order service made of a few maps. It keeps its promises, or breaks one of them. */
export const startLyingService = async (lie: Lie) => {
  const firsts = new Map<string, Answer & { readonly request: string }>();
  const versions = new Map<string, number>();
  const streams: ServerResponse[] = [];
  let position = 0;

  const tell = (event: 'placed' | 'cancelled', orderId: string, data: object): void => {
    position += 1;
    if (lie === 'loses an event' && event === 'cancelled') return;
    const version = event === 'placed' ? 1 : 2;
    const item = JSON.stringify({ orderId, version, data });
    const text = `id: ${position}\nevent: ${event}\ndata: ${item}\n\n`;
    const twice = lie === 'repeats an event' && event === 'cancelled';
    const late = lie === 'tells the second event first' && event === 'placed';
    const write = () => {
      for (const stream of streams) stream.write(twice ? text + text : text);
    };
    if (late) setTimeout(write, 100);
    else write();
  };

  const run = (path: string, json: { readonly clientReference?: string }): Answer => {
    const cancelled = /^\/v1\/orders\/(.+)\/cancel$/.exec(path)?.[1];
    if (cancelled === undefined) {
      const id = `o-${versions.size + 1}`;
      versions.set(id, 1);
      tell('placed', id, json);
      return answerOf(201, { id, version: 1 });
    }
    if (versions.get(cancelled) === 2) {
      if (lie !== 'refuses nothing') return answerOf(409, { code: 'order_state_conflict' });
      return answerOf(200, { id: cancelled, version: 2 });
    }
    versions.set(cancelled, 2);
    tell('cancelled', cancelled, {});
    return answerOf(200, { id: cancelled, version: 2 });
  };

  const post = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const path = req.url ?? '';
    const body = (await buffer(req)).toString();
    const key = String(req.headers['idempotency-key']);
    const first = lie === 'forgets keys' ? undefined : firsts.get(key);
    const reused = first !== undefined && first.request !== path + body && lie !== 'refuses nothing';
    const answer = reused
      ? answerOf(422, { code: 'idempotency_key_reused' })
      : (first ?? run(path, JSON.parse(body)));
    if (first === undefined) firsts.set(key, { ...answer, request: path + body });
    const replayed = first !== undefined && !reused;
    res.writeHead(answer.status, {
      'Content-Type': answer.type,
      ...(replayed ? { 'Idempotent-Replayed': 'true' } : {}),
    });
    res.end(answer.body);
  };

  const server = createServer((req, res) => {
    if (req.method === 'POST') return void post(req, res);
    res.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
    streams.push(res);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    close: (): void => {
      server.closeAllConnections();
      server.close();
    },
  };
};
