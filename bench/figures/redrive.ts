import { join } from 'node:path';
import type { Figure, Round } from '../figure.ts';
import { programs, runProgram } from '../support/program.ts';
import { openRabbitmq } from '../support/rabbitmq.ts';
import { removeScratch, scratchDirectory } from '../support/scratch.ts';

/** How fast dead letters leave the desk, go through the broker, and take effect after all. */
export const redrive: Figure = {
  name: 'redrive',
  needsRabbitmq: true,
  measure: async ({ quick, rounds: count, rabbitmqUrl: url, say }) => {
    if (url === null) throw new Error('this figure needs RabbitMQ');
    const total = quick ? 2_000 : 10_000;
    const prefix = `bench-${process.pid}-redrive.`;
    const rabbitmq = await openRabbitmq(url, prefix);
    const rounds: Round[] = [];
    try {
      for (let round = 1; round <= count; round += 1) {
        const directory = scratchDirectory();
        const input = { file: join(directory, 'consumer.db'), url, prefix, total };
        const { perSecond } = await runProgram<{ perSecond: number }>(programs.redriveLetters, input);
        removeScratch(directory);
        say(`${perSecond.toFixed(0)}/s`);
        rounds.push({ value: perSecond, measured: { perSecond, total } });
      }
    } finally {
      await rabbitmq.close();
    }
    return [
      {
        title: `redrive: ${total} dead letters, from the request until the last one took effect`,
        unit: 'per second',
        must: { atLeast: 2_000 },
        rounds,
      },
    ];
  },
};
