import { join } from 'node:path';
import type { Figure, Round } from '../figure.ts';
import { callbackSecrets } from '../support/callbackRequests.ts';
import { programs, runProgram, startServer } from '../support/program.ts';
import { openRabbitmq } from '../support/rabbitmq.ts';
import { removeScratch, scratchDirectory } from '../support/scratch.ts';
import { intake } from './intake.ts';

const connections = 64;
/** Enough lives that the service always has something to do while their clients wait. */
const atOnce = 1_024;

/** Whole lives of orders, with every role in one process, beside taking orders alone. */
export const fullLife: Figure = {
  name: 'full-life',
  needsRabbitmq: true,
  measure: async (setting) => {
    const { quick, rabbitmqUrl: url, say } = setting;
    if (url === null) throw new Error('this figure needs RabbitMQ');
    const orders = quick ? 3_000 : 10_000;
    const prefix = `bench-${process.pid}-life.`;
    const rabbitmq = await openRabbitmq(url, prefix);
    const liveAll = async (): Promise<number> => {
      const directory = scratchDirectory();
      const server = await startServer(programs.orderflow, {
        DATABASE_URL: `sqlite:${join(directory, 'orders.db')}`,
        BROKER_URL: url,
        QUEUE_PREFIX: prefix,
        CALLBACK_SECRETS: callbackSecrets,
        LOG_LEVEL: 'info',
      });
      try {
        const input = { url: server.url, orders, atOnce, connections };
        const { seconds } = await runProgram<{ seconds: number }>(programs.liveOrders, input);
        return orders / seconds;
      } finally {
        await server.stop();
        removeScratch(directory);
      }
    };
    const rounds: Round[] = [];
    try {
      for (let round = 1; round <= setting.rounds; round += 1) {
        const { perSecond: intakePerSecond } = await intake(setting, connections, { ROLES: 'api' });
        const livesPerSecond = await liveAll();
        say(`intake alone ${intakePerSecond.toFixed(0)}/s, whole lives ${livesPerSecond.toFixed(0)}/s`);
        rounds.push({
          value: livesPerSecond / intakePerSecond,
          measured: { livesPerSecond, intakePerSecond },
        });
      }
    } finally {
      await rabbitmq.close();
    }
    return [
      {
        title: `whole lives of ${orders} orders, all roles in one process ÷ intake alone, ROLES=api, ${connections} connections`,
        unit: '',
        must: { atLeast: 0.12 },
        rounds,
      },
    ];
  },
};
