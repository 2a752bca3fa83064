import { join } from 'node:path';
import type { Figure, Result, Round } from '../figure.ts';
import { programs, runProgram } from '../support/program.ts';
import { removeScratch, scratchDirectory } from '../support/scratch.ts';
import { intake, shapes } from './intake.ts';

const connections = 256;

/** Whether intake slows down as the database grows. Customers and keys are random, as they are in life. */
export const storedOrders: Figure = {
  name: 'stored-orders',
  needsRabbitmq: false,
  measure: async (setting): Promise<readonly Result[]> => {
    const orders = setting.quick ? 100_000 : 1_000_000;
    const directory = scratchDirectory();
    const file = join(directory, 'full.db');
    const { seconds } = await runProgram<{ seconds: number }>(programs.preloadOrders, { file, orders });
    setting.say(`${orders} orders stored in ${seconds.toFixed(0)} s`);
    const rounds = shapes.map((): Round[] => []);
    for (let round = 1; round <= setting.rounds; round += 1) {
      for (const [index, { label, env }] of shapes.entries()) {
        const empty = await intake(setting, connections, env);
        const full = await intake(setting, connections, env, file);
        setting.say(`${label}: empty ${empty.perSecond.toFixed(0)}/s, full ${full.perSecond.toFixed(0)}/s`);
        rounds[index]?.push({
          value: full.perSecond / empty.perSecond,
          measured: { fullPerSecond: full.perSecond, emptyPerSecond: empty.perSecond, orders },
        });
      }
    }
    removeScratch(directory);
    return shapes.map(({ label }, index) => ({
      title: `intake with ${orders} orders stored ÷ when empty, ${connections} connections, ${label}`,
      unit: '',
      must: { atLeast: 0.85 },
      rounds: rounds[index] ?? [],
    }));
  },
};
