import { answer, jsonType } from './answer.ts';
import type { Exchange } from './Exchange.ts';
import { unavailable } from './problems.ts';

const pingTimeoutMs = 2_000;
const ok = '{"status":"ok"}';

// Probes may add parameters to their paths; they are not looked at.

/** `GET /livez`: the process runs and answers. It asks nobody else, or one slow database would restart them all. */
export const livez = (exchange: Exchange): void => answer(exchange, 200, { 'Content-Type': jsonType }, ok);

/** `GET /readyz`: requests can be served. A broker that is away does not count: the outbox waits for it. */
export const readyz = async (exchange: Exchange): Promise<void> => {
  const { health } = exchange.edge.deps;
  if (exchange.edge.closing.aborted || health.draining()) throw unavailable('The service is stopping.');
  if (!(await databaseAnswers(exchange))) throw unavailable('The database does not answer.');
  answer(exchange, 200, { 'Content-Type': jsonType }, ok);
};

const databaseAnswers = async ({ edge }: Exchange): Promise<boolean> => {
  const { health, clock, logger } = edge.deps;
  const answered = new AbortController();
  const timeout = clock.sleep(pingTimeoutMs, answered.signal).then(() => false);
  const ping = health.ping().catch((error: unknown) => {
    logger.warn({ err: error }, 'the database does not answer');
    return false;
  });
  try {
    return await Promise.race([ping, timeout]);
  } finally {
    answered.abort();
  }
};
