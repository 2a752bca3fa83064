import { join } from 'node:path';
import type { Figure, Round } from '../figure.ts';
import { programs, runProgram } from '../support/program.ts';
import { openRabbitmq, watchQueue } from '../support/rabbitmq.ts';
import { removeScratch, scratchDirectory } from '../support/scratch.ts';

const window = 1_000;

/** How fast a backlog leaves the outbox, beside what the broker takes from bare amqplib. */
export const relayBacklog: Figure = {
  name: 'relay',
  needsRabbitmq: true,
  measure: async ({ quick, rounds: count, rabbitmqUrl, say }) => {
    if (rabbitmqUrl === null) throw new Error('this figure needs RabbitMQ');
    const total = quick ? 10_000 : 50_000;
    const prefix = `bench-${process.pid}-relay.`;
    const rabbitmq = await openRabbitmq(rabbitmqUrl, prefix);
    const rounds: Round[] = [];
    try {
      await rabbitmq.declareWatch('order.#');
      const run = async (file: string, more: object): Promise<number> => {
        const input = { url: rabbitmqUrl, prefix, total, window, ...more };
        const { perSecond } = await runProgram<{ perSecond: number }>(file, input);
        await rabbitmq.channel.purgeQueue(watchQueue(prefix));
        return perSecond;
      };
      for (let round = 1; round <= count; round += 1) {
        const directory = scratchDirectory();
        const raw = await run(programs.publishRaw, {});
        const relayed = await run(programs.relayBacklog, { file: join(directory, 'orders.db') });
        removeScratch(directory);
        say(`amqplib ${raw.toFixed(0)}/s, relay ${relayed.toFixed(0)}/s`);
        rounds.push({
          value: relayed / raw,
          measured: { relayPerSecond: relayed, rawPerSecond: raw, total },
        });
      }
    } finally {
      await rabbitmq.close();
    }
    return [
      {
        title: `relay: ${total} rows from SQLite to a quorum queue ÷ bare amqplib, window ${window}`,
        unit: '',
        must: { atLeast: 0.8 },
        rounds,
      },
    ];
  },
};
