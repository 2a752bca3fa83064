import { join } from 'node:path';
import { workQueueOf } from '../../src/app/messaging/topology.ts';
import type { Figure, Round } from '../figure.ts';
import { eventuallyTrue } from '../support/eventuallyTrue.ts';
import { putLoad } from '../support/load.ts';
import { programs, runProgram, startServer } from '../support/program.ts';
import { openRabbitmq } from '../support/rabbitmq.ts';
import { removeScratch, scratchDirectory } from '../support/scratch.ts';

const connections = 64;
/** Whose work queue the measured consumer takes: what the broker does for an order is then what it does in service. */
const inPlaceOf = 'loyalty';

/** From the first request until a consumer has done all effects of all orders, beside taking the orders alone. */
export const endToEnd: Figure = {
  name: 'end-to-end',
  needsRabbitmq: true,
  measure: async ({ quick, rounds: count, rabbitmqUrl: url, say }) => {
    if (url === null) throw new Error('this figure needs RabbitMQ');
    const requests = quick ? 5_000 : 30_000;
    const prefix = `bench-${process.pid}-end.`;
    const rabbitmq = await openRabbitmq(url, prefix);
    const rounds: Round[] = [];
    try {
      await rabbitmq.declareService();
      const take = async (env: Readonly<Record<string, string>>, directory: string) => {
        const database = `sqlite:${join(directory, 'orders.db')}`;
        const server = await startServer(programs.orderflow, { DATABASE_URL: database, ...env });
        return { server, load: () => putLoad({ url: server.url, connections, requests }, 201) };
      };
      const alone = async (): Promise<number> => {
        const directory = scratchDirectory();
        const { server, load } = await take({ ROLES: 'api' }, directory);
        const { perSecond } = await load();
        await server.stop();
        removeScratch(directory);
        return perSecond;
      };
      const throughout = async (): Promise<number> => {
        const directory = scratchDirectory();
        const env = { ROLES: 'api,relay', BROKER_URL: url, QUEUE_PREFIX: prefix };
        const { server, load } = await take(env, directory);
        const input = { file: join(directory, 'consumer.db'), url, prefix, total: requests, inPlaceOf };
        const consumed = runProgram<{ finishedAt: number }>(programs.consumeThrough, input);
        await eventuallyTrue(
          async () => (await rabbitmq.channel.checkQueue(workQueueOf(prefix, inPlaceOf))).consumerCount > 0,
        );
        const startedAt = Date.now();
        await load();
        const { finishedAt } = await consumed;
        await server.stop();
        removeScratch(directory);
        return requests / ((finishedAt - startedAt) / 1000);
      };
      for (let round = 1; round <= count; round += 1) {
        const intakePerSecond = await alone();
        const effectsPerSecond = await throughout();
        say(
          `orders alone ${intakePerSecond.toFixed(0)}/s, with all effects ${effectsPerSecond.toFixed(0)}/s`,
        );
        rounds.push({
          value: effectsPerSecond / intakePerSecond,
          measured: { effectsPerSecond, intakePerSecond, requests },
        });
      }
    } finally {
      await rabbitmq.close();
    }
    return [
      {
        title: `end to end: ${requests} orders until all effects of a consumer are done ÷ intake alone, ${connections} connections`,
        unit: '',
        must: { atLeast: 0.5 },
        rounds,
      },
    ];
  },
};
