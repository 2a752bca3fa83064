import { join } from 'node:path';
import type { Figure, Round } from '../figure.ts';
import { putLoad } from '../support/load.ts';
import { programs, startServer } from '../support/program.ts';
import { removeScratch, scratchDirectory } from '../support/scratch.ts';

const connections = 64;
/** Nobody listens there. */
const brokerAway = 'amqp://127.0.0.1:1';

/** The outbox holds what cannot be published, not the process. */
export const memory: Figure = {
  name: 'memory',
  needsRabbitmq: false,
  measure: async (setting) => {
    const requests = setting.quick ? 20_000 : 200_000;
    const rounds: Round[] = [];
    for (let round = 1; round <= setting.rounds; round += 1) {
      const directory = scratchDirectory();
      const env = { DATABASE_URL: `sqlite:${join(directory, 'orders.db')}`, BROKER_URL: brokerAway };
      const server = await startServer(programs.orderflow, { ...env, LOG_LEVEL: 'info' });
      try {
        const startMb = server.residentMb();
        await putLoad({ url: server.url, connections, requests }, 201);
        const endMb = server.residentMb();
        setting.say(`${startMb.toFixed(0)} MB at start, ${endMb.toFixed(0)} MB after ${requests} orders`);
        rounds.push({ value: endMb - startMb, measured: { startMb, endMb, orders: requests } });
      } finally {
        await server.stop();
        removeScratch(directory);
      }
    }
    return [
      {
        title: `memory after ${requests} orders with the broker away - memory at start`,
        unit: 'MB',
        must: { atMost: 150 },
        rounds,
      },
    ];
  },
};
