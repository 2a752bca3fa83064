import { setTimeout as sleep } from 'node:timers/promises';
import { type HttpAnswer, HttpClient, type HttpRequest } from '../../support/httpClient.ts';

/** Sends each request until it is answered, through deaths of the server: so the server may not lose one. */
export interface PersistentClient {
  /** `request` is made anew for each try. What is refused for good is an answer too. */
  send(request: () => HttpRequest): Promise<HttpAnswer>;
  /** How many requests were sent again. */
  repeated(): number;
  /** The server is gone; the next one is at this address, once it listens. */
  follow(url: Promise<string>): void;
  close(): void;
}

/** As a client does that is asked to come back later; not a wait for anything. */
const retryMs = 100;

export const persistentClient = (first: Promise<string>): PersistentClient => {
  const clientOf = (url: Promise<string>): Promise<HttpClient> =>
    url.then((found) => new HttpClient(Number(new URL(found).port)));
  let server = clientOf(first);
  let repeated = 0;
  const hangUp = (): void => {
    // A server that never came up fails its test elsewhere.
    server.then(
      (client) => client.close(),
      () => undefined,
    );
  };
  return {
    send: async (request) => {
      for (;;) {
        const client = await server;
        const answer = await client.send(request()).catch(() => null);
        if (answer !== null && answer.status !== 503) return answer;
        repeated += 1;
        await sleep(retryMs);
      }
    },
    repeated: () => repeated,
    follow: (url) => {
      hangUp();
      server = clientOf(url);
    },
    close: hangUp,
  };
};
