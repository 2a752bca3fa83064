import { join } from 'node:path';
import type { Figure, Round } from '../figure.ts';
import { programs, runProgram } from '../support/program.ts';
import { openRabbitmq } from '../support/rabbitmq.ts';
import { removeScratch, scratchDirectory } from '../support/scratch.ts';

interface Speed {
  readonly perSecond: number;
  /** Of processor time, for each message. */
  readonly cpuMicroseconds: number;
}

/** How fast a consumer of the service empties a queue, beside bare amqplib. */
export const consume: Figure = {
  name: 'consume',
  needsRabbitmq: true,
  measure: async ({ quick, rounds: count, rabbitmqUrl: url, say }) => {
    if (url === null) throw new Error('this figure needs RabbitMQ');
    const total = quick ? 10_000 : 50_000;
    const prefix = `bench-${process.pid}-consume.`;
    const rabbitmq = await openRabbitmq(url, prefix);
    const rounds: Round[] = [];
    try {
      await rabbitmq.declareWatch('order.#');
      const run = async (file: string, more: object): Promise<Speed> => {
        await runProgram(programs.publishRaw, { url, prefix, total, window: 1_000 });
        return runProgram<Speed>(file, { url, prefix, total, ...more });
      };
      for (let round = 1; round <= count; round += 1) {
        const directory = scratchDirectory();
        const raw = await run(programs.consumeRaw, {});
        const gated = await run(programs.consumeThrough, { file: join(directory, 'consumer.db') });
        removeScratch(directory);
        say(
          `amqplib ${raw.perSecond.toFixed(0)}/s, ${raw.cpuMicroseconds.toFixed(0)} us of processor time each; ` +
            `consumer ${gated.perSecond.toFixed(0)}/s, ${gated.cpuMicroseconds.toFixed(0)} us`,
        );
        rounds.push({
          value: gated.perSecond / raw.perSecond,
          measured: {
            consumerPerSecond: gated.perSecond,
            rawPerSecond: raw.perSecond,
            consumerCpuMicroseconds: gated.cpuMicroseconds,
            rawCpuMicroseconds: raw.cpuMicroseconds,
            total,
          },
        });
      }
    } finally {
      await rabbitmq.close();
    }
    return [
      {
        title: `consume: gate and one event each in SQLite, ${total} messages ÷ bare amqplib consume and ack`,
        unit: '',
        must: { atLeast: 0.25 },
        rounds,
      },
    ];
  },
};
