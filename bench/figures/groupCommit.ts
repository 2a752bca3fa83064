import type { Figure, Round } from '../figure.ts';
import { intake } from './intake.ts';

const connections = 256;

/** What group commit is worth: the same program with one order per transaction. */
export const groupCommit: Figure = {
  name: 'group-commit',
  needsRabbitmq: false,
  measure: async (setting) => {
    const rounds: Round[] = [];
    for (let round = 1; round <= setting.rounds; round += 1) {
      const single = await intake(setting, connections, { ROLES: 'api', WRITE_BATCH_MAX: '1' });
      const grouped = await intake(setting, connections, { ROLES: 'api' });
      setting.say(`one by one ${single.perSecond.toFixed(0)}/s, in groups ${grouped.perSecond.toFixed(0)}/s`);
      rounds.push({
        value: grouped.perSecond / single.perSecond,
        measured: { groupedPerSecond: grouped.perSecond, singlePerSecond: single.perSecond },
      });
    }
    return [
      {
        title: `intake ÷ the same with batches of one, ${connections} connections`,
        unit: '',
        must: { atLeast: 10 },
        rounds,
      },
    ];
  },
};
